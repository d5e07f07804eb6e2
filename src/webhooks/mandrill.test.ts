import { describe, expect, it } from 'vitest';
import { mandrillEvent } from '../../test/support/webhooks.js';
import { normaliseMandrill, parseMandrill } from './mandrill.js';
import { NotUnderstoodError } from './normalise.js';

const email = { id: '019ab000-0000-7000-8000-000000000001' };

function eventOf(raw: unknown) {
  const normalised = normaliseMandrill(raw);
  if (!('emailId' in normalised)) throw new Error(`unmatched: ${normalised.unmatched}`);
  return normalised.event;
}

describe('every event type becomes a status or is kept', () => {
  const cases: [event: string, type: string, suppress?: string][] = [
    ['send', 'sent'],
    ['delivered', 'delivered'],
    ['deferral', 'deferred'],
    ['hard_bounce', 'bounced', 'bounced'],
    ['soft_bounce', 'bounced'],
    ['open', 'opened'],
    ['click', 'clicked'],
    ['spam', 'complained', 'complained'],
    ['unsub', 'unsubscribed', 'unsubscribed'],
    ['reject', 'failed'],
    ['inbound', 'mandrill_inbound'],
    ['cancelled', 'mandrill_cancelled'],
    ['toString', 'mandrill_tostring'],
  ];
  it.each(cases)('%s', (event, type, suppress) => {
    expect(eventOf(mandrillEvent(email, event))).toMatchObject({ provider: 'mandrill', type, suppress });
  });

  it.each([
    ['sync', { type: 'denylist', action: 'add', reject: { email: 'a@example.com' } }],
    ['sync', { type: 'allowlist', action: 'remove', entry: {} }],
    ['no_email_id', mandrillEvent(email, 'open', { msg: { metadata: [] } })],
    ['not_understood', mandrillEvent(email, 'open', { ts: 'soon' })],
    ['not_understood', { some: 'thing' }],
    ['not_understood', 'text'],
    ['not_understood', null],
  ])('is kept apart as %s: %j', (unmatched, raw) => {
    expect(normaliseMandrill(raw)).toMatchObject({ unmatched });
  });
});

describe('an event', () => {
  it('keeps its moment, attempt and message', () => {
    expect(eventOf(mandrillEvent(email, 'send', { ts: 1365109999 }))).toMatchObject({
      occurredAt: new Date(1365109999000),
      generation: 1,
      attempt: 1,
      providerMessageId: 'f4d0c4a2e7b94f0d9a1c2b3d4e5f6a7b',
    });
  });

  it('is one and the same when it is repeated, and another when anything that makes it one differs', () => {
    const id = (event: string, fields: Record<string, unknown> = {}) =>
      eventOf(mandrillEvent(email, event, { ts: 1365109999, ...fields })).providerEventId;
    expect(id('open')).toBe(id('open'));
    const all = [id('open'), id('send'), id('open', { ts: 1365110000 }), id('open', { _id: 'other' })];
    const clicks = [id('click', { url: 'https://example.com/1' }), id('click', { url: 'https://example.com/2' })];
    expect(new Set([...all, ...clicks]).size).toBe(6);
  });

  it('has what an operator needs, and nothing of the content', () => {
    const raw = mandrillEvent(email, 'hard_bounce', {
      msg: { subject: 'secret', email: 'a@example.com', bounce_description: 'bad_mailbox', diag: 'smtp;550 5.1.1' },
    });
    expect(eventOf(raw).metadata).toEqual({ reason: 'bad_mailbox', message: 'smtp;550 5.1.1' });
  });
});

it.each(['', '{', '{}', 'null', '"text"'])('a batch that is no JSON array is not understood: %s', (text) => {
  expect(() => parseMandrill(text)).toThrow(NotUnderstoodError);
});
