import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sendForm, startTestApi, type TestApi } from '../../../test/support/api.js';
import { insertClient } from '../../../test/support/database.js';

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api.stop());

async function submit(changes: Record<string, string> = {}, attachment?: Blob): Promise<Record<string, string>> {
  return (await (await api.send(sendForm(changes, attachment))).json()) as Record<string, string>;
}

async function read(id: string | undefined): Promise<Record<string, unknown>> {
  const response = await api.get(`/api/email/${id}`);
  expect(response.status).toBe(200);
  return (await response.json()) as Record<string, unknown>;
}

describe('GET /api/email/{id}', () => {
  it('shows a new e-mail with exactly the contract’s fields', async () => {
    const answer = await submit({ sender: 'Shop <shop@example.com>', metadata: '{"order":1}', tags: 'a,b' });
    expect(await read(answer.id)).toStrictEqual({
      id: answer.id,
      status: 'queued',
      priority: 'medium',
      sender: 'Shop <shop@example.com>',
      receiver: 'ada@example.org',
      subject: 'Your order',
      created_at: answer.created_at,
      deadline_at: answer.deadline_at,
      dispatched_at: null,
      sent_at: null,
      provider: null,
      provider_message_id: null,
      waiting: { code: 'no_dispatcher', reason: expect.stringContaining('dispatcher'), next_try_at: null },
      retry_count: 0,
      metadata: { order: 1 },
      tags: ['a', 'b'],
      headers: {},
      track_opens: true,
      content_removed_at: null,
      attachment: null,
      events: [{ type: 'queued', occurred_at: answer.created_at, provider: null, metadata: {} }],
      attempts: [],
    });
  });

  it('shows the attachment', async () => {
    const { id } = await submit({}, new Blob(['hello'], { type: 'text/csv' }));
    expect((await read(id)).attachment).toStrictEqual({
      filename: 'invoice.pdf',
      content_type: 'text/csv',
      size: 5,
      sha256: '2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824',
      storage_path: null,
    });
  });

  it('shows attempts in order, counts all but the first as retries, and events by when they happened', async () => {
    const { id } = await submit();
    const at = (second: number) => new Date(Date.UTC(2040, 0, 1, 0, 0, second));
    const attempt = (generation: number, number: number, state: 'refused' | 'accepted', second: number) => ({
      email_id: id!,
      generation,
      attempt: number,
      provider: 'mailgun' as const,
      state,
      started_at: at(second),
      call_until: at(second + 5),
      finished_at: at(second + 1),
      code: state === 'refused' ? 'http_503' : null,
      provider_message_id: state === 'accepted' ? 'message-1' : null,
    });
    await api.db
      .insertInto('send_attempts')
      .values([attempt(2, 1, 'accepted', 20), attempt(1, 2, 'refused', 10), attempt(1, 1, 'refused', 0)])
      .execute();
    const event = (type: string, second: number) => ({
      email_id: id!,
      event_key: `mailgun:${type}`,
      type,
      generation: 2,
      attempt: 1,
      provider: 'mailgun' as const,
      provider_event_id: type,
      occurred_at: at(second),
      metadata: JSON.stringify({ code: 250 }),
    });
    await api.db
      .insertInto('email_events')
      .values([event('opened', 40), event('delivered', 30)])
      .execute();
    const email = await read(id);
    expect(email.retry_count).toBe(2);
    expect(email.attempts).toMatchObject([
      { generation: 1, attempt: 1 },
      { generation: 1, attempt: 2 },
      {
        generation: 2,
        attempt: 1,
        provider: 'mailgun',
        state: 'accepted',
        started_at: '2040-01-01T00:00:20.000Z',
        finished_at: '2040-01-01T00:00:21.000Z',
        code: null,
        provider_message_id: 'message-1',
      },
    ]);
    expect(email.events).toMatchObject([
      { type: 'queued' },
      { type: 'delivered', occurred_at: '2040-01-01T00:00:30.000Z', provider: 'mailgun', metadata: { code: 250 } },
      { type: 'opened' },
    ]);
  });

  it.each(['019a0000-0000-7000-8000-000000000000', 'not-a-uuid', '1', '%zz', '%00', "' or 1=1"])(
    'answers 404 for the id %s',
    async (id) => {
      const response = await api.get(`/api/email/${id}`);
      expect(response.status).toBe(404);
      expect(response.headers.get('content-type')).toBe('application/problem+json');
    },
  );

  it('answers the same 404 for another client’s e-mail as for none', async () => {
    const { id } = await submit();
    const other = await insertClient(api.db);
    const theirs = await api.get(`/api/email/${id}`, other.key);
    const nobodys = await api.get('/api/email/019a0000-0000-7000-8000-000000000000', other.key);
    expect(theirs.status).toBe(404);
    expect(await theirs.text()).toBe(await nobodys.text());
  });

  it('answers 401 without a valid key', async () => {
    const { id } = await submit();
    expect((await fetch(`${api.url}/api/email/${id}`)).status).toBe(401);
    expect((await api.get(`/api/email/${id}`, 'wrong')).status).toBe(401);
  });
});
