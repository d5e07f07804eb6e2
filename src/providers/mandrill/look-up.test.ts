import { describe, expect, test } from 'vitest';
import { outgoingMessage } from '../../../test/support/outgoing-message.js';
import { ask, endServers, never } from '../../../test/support/servers/scripted-mandrill.js';
import type { LookUpQuery } from '../provider.js';
import { LOOK_UP_WINDOW } from './settings.js';

endServers();

describe('look-up', () => {
  const query: LookUpQuery = {
    ...outgoingMessage(),
    providerMessageId: null,
    startedAt: new Date('2026-03-01T00:10:00Z'),
  };
  const other: LookUpQuery = {
    ...query,
    emailId: '019a0000-0000-7000-8000-000000000002',
    receiver: 'Other <other@example.org>',
    startedAt: new Date('2026-03-03T10:00:00Z'),
  };
  const lookUp = (answer: Parameters<typeof ask>[1], queries = [query]) =>
    ask((provider) => provider.lookUp(queries, never), answer);
  const message = (metadata: unknown, changes = {}) => ({
    _id: 'abc',
    email: 'receiver@example.org',
    state: 'sent',
    metadata,
    ...changes,
  });
  const ours = { email_id: query.emailId, generation: 1, attempt: 2 };

  test('searches around the day by our id, and by the receiver', async () => {
    const { url, document } = await lookUp({ body: '[]' });
    expect(url).toBe('/api/1.0/messages/search.json');
    expect(document).toEqual({
      key: 'key',
      query: 'u_email_id:"019a0000-0000-7000-8000-000000000001" OR email:"receiver@example.org"',
      date_from: '2026-02-28',
      date_to: '2026-03-02',
      limit: 1000,
    });
  });

  test('one search for all, over all their days; a receiver of two is searched once', async () => {
    const third = { ...query, emailId: '019a0000-0000-7000-8000-000000000003' };
    const { document } = await lookUp({ body: '[]' }, [query, other, third]);
    expect(document).toMatchObject({
      query: [
        'u_email_id:"019a0000-0000-7000-8000-000000000001"',
        'email:"receiver@example.org"',
        'u_email_id:"019a0000-0000-7000-8000-000000000002"',
        'email:"other@example.org"',
        'u_email_id:"019a0000-0000-7000-8000-000000000003"',
      ].join(' OR '),
      date_from: '2026-02-28',
      date_to: '2026-03-04',
    });
  });

  test('leaves a quarter of the 20 searches that Mandrill allows a minute to operators', () => {
    const { everyMs } = LOOK_UP_WINDOW;
    expect(60_000 / everyMs).toBeLessThanOrEqual(15);
  });

  test('the answers are in the order of the queries, each by its own metadata', async () => {
    const body = JSON.stringify([
      message({ ...ours, email_id: other.emailId }, { _id: 'of other' }),
      message(ours, { _id: 'of query' }),
    ]);
    const third = { ...query, attempt: 3 };
    expect((await lookUp({ body }, [query, third, other])).result).toEqual([
      { kind: 'found', providerMessageId: 'of query', delivered: false },
      { kind: 'none' },
      { kind: 'found', providerMessageId: 'of other', delivered: false },
    ]);
  });

  test.each([
    ['this attempt', ours],
    ['this attempt, in words', { ...ours, generation: '1', attempt: '2' }],
  ])('a message of %s is evidence', async (_, metadata) => {
    const body = JSON.stringify([message(null), message(metadata)]);
    expect((await lookUp({ body })).result).toEqual([{ kind: 'found', providerMessageId: 'abc', delivered: false }]);
  });

  test.each([
    ['another e-mail', { ...ours, email_id: 'other' }],
    ['another generation', { ...ours, generation: 2 }],
    ['another attempt', { ...ours, attempt: 1 }],
    ['somebody else', []],
  ])('a message of %s is not', async (_, metadata) => {
    expect((await lookUp({ body: JSON.stringify([message(metadata)]) })).result).toEqual([{ kind: 'none' }]);
  });

  // `state` of a search: "sent, bounced, rejected"; of webhooks also "spam", "unsub", "soft-bounced", "deferred".
  test.each(['sent', 'bounced', 'soft-bounced', 'deferred', 'spam', 'unsub', 'queued', undefined])(
    'a message in the state %s was taken',
    async (state) => {
      const { result } = await lookUp({ body: JSON.stringify([message(ours, { state })]) });
      expect(result).toMatchObject([{ kind: 'found' }]);
    },
  );

  test('a message that Mandrill rejected was not taken, and hides no other one', async () => {
    const rejected = message(ours, { _id: 'refused', state: 'rejected' });
    expect((await lookUp({ body: JSON.stringify([rejected]) })).result).toEqual([{ kind: 'none' }]);
    const any = { ...query, attempt: null };
    expect((await lookUp({ body: JSON.stringify([rejected]) }, [any])).result).toEqual([{ kind: 'none' }]);
    const body = JSON.stringify([rejected, message({ ...ours, attempt: 3 })]);
    expect((await lookUp({ body }, [any])).result).toMatchObject([{ kind: 'found', attempt: 3 }]);
  });

  test.each([
    [500, '{"status":"error","name":"Invalid_Key"}', 'Invalid_Key'],
    [500, '<html>', 'http_500'],
    [200, '<html>', 'unreadable_answer'],
  ])('%i %s means that it could not be asked', async (status, body, code) => {
    await expect(lookUp({ status, body })).rejects.toThrow(new Error(code));
  });

  describe('of a message whose id is known', () => {
    const known = [{ ...query, providerMessageId: 'abc' }];
    const info = (events: unknown) => ({ body: JSON.stringify(message(ours, { smtp_events: events })) });

    test('asks for the message itself: that is no search', async () => {
      const { url, document } = await lookUp(info([]), known);
      expect(url).toBe('/api/1.0/messages/info.json');
      expect(document).toEqual({ key: 'key', id: 'abc' });
    });

    test.each([
      ['no answer of a server', [], false],
      ['no list of answers', null, false],
      ['a deferral', [{ ts: 1, type: 'deferred', diag: '451 4.7.1 come back in 250 s' }], false],
      ['an answer without words', [{ ts: 1, type: 'sent', diag: null }], false],
      ['a 250', [{ ts: 1, type: 'sent', diag: '250 2.0.0 OK' }], true],
      ['a 250 after a deferral', [{ diag: '451 later' }, { diag: '250 OK' }], true],
    ])('with %s', async (_, events, delivered) => {
      expect((await lookUp(info(events), known)).result).toEqual([
        { kind: 'found', providerMessageId: 'abc', delivered },
      ]);
    });

    test('that Mandrill does not know is none', async () => {
      const body = '{"status":"error","code":4,"name":"Unknown_Message","message":"No message exists"}';
      expect((await lookUp({ status: 500, body }, known)).result).toEqual([{ kind: 'none' }]);
    });

    test('that Mandrill has rejected since is none', async () => {
      const body = JSON.stringify(message(ours, { state: 'rejected', smtp_events: [] }));
      expect((await lookUp({ body }, known)).result).toEqual([{ kind: 'none' }]);
    });

    test.each([
      [500, '{"status":"error","name":"Invalid_Key"}', 'Invalid_Key'],
      [200, '<html>', 'unreadable_answer'],
    ])('%i %s means that it could not be asked', async (status, body, code) => {
      await expect(lookUp({ status, body }, known)).rejects.toThrow(new Error(code));
    });
  });
});
