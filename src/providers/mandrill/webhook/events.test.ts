import { describe, expect, it } from 'vitest';
import { mandrillEvent } from '../../../../test/support/webhooks.js';
import { NotUnderstoodError } from '../../webhook-format/format.js';
import { normaliseMandrill, parseMandrill } from './events.js';

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
    expect(eventOf(mandrillEvent(email, event))).toMatchObject({ type, suppress });
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

  it.each<[string, unknown, string | undefined]>([
    ['a bounce', { reason: 'hard-bounce', detail: '550 no such mailbox' }, 'bounced'],
    ['a complaint', { reason: 'spam' }, 'complained'],
    ['an unsubscription', { reason: 'unsub' }, 'unsubscribed'],
    ['a word alone', 'hard-bounce', 'bounced'],
    ['a soft bounce', { reason: 'soft-bounce' }, undefined],
    ['an account rule', { reason: 'rule' }, undefined],
    ['an entry made by hand', { reason: 'custom' }, undefined],
    // As Mandrill sends most of them: it says why in its answer to the call.
    ['nothing', null, undefined],
    ['a word of every object', 'constructor', undefined],
  ])("a reject for its own list becomes the client's suppression: %s", (_name, reject, suppress) => {
    const raw = mandrillEvent(email, 'reject', { msg: { state: 'rejected', smtp_events: [], reject } });
    expect(eventOf(raw)).toMatchObject({ type: 'failed', suppress });
  });

  it('keeps the diagnosis of a deferral, which stands beside the message', () => {
    const raw = mandrillEvent(email, 'deferral', {
      diag: '454 4.7.1 <reader@example.org>: Relay access denied',
      msg: {
        state: 'deferred',
        smtp_events: [
          { destination_ip: '192.0.2.1', diag: 'Event description', source_ip: '192.0.2.9', type: 'deferred', size: 1 },
        ],
      },
    });
    expect(eventOf(raw).metadata).toEqual({
      message: '454 4.7.1 <reader@example.org>: Relay access denied',
      state: 'deferred',
      sending_ip: '192.0.2.9',
    });
  });

  it('says where and by what it was opened, with the code of the country', () => {
    const raw = mandrillEvent(email, 'open', {
      ip: '192.0.2.1',
      location: { country_short: 'PT', city: 'Porto', country: 'Portugal', region: 'Porto', postal_code: '-' },
      user_agent: 'Mozilla/4.0 (compatible; Microsoft Outlook 14.0.7166; ms-office)',
      user_agent_parsed: {
        ...{ ua_name: 'Outlook 2010', mobile: false, os_name: 'Windows 7', os_family: 'Windows', type: 'Email Client' },
        ...{ ua_family: 'Outlook 2010', os_icon: 'http://example.org/windows-7.png' },
      },
    });
    expect(eventOf(raw).metadata).toEqual({
      ...{ ip: '192.0.2.1', country: 'PT', region: 'Porto', city: 'Porto' },
      user_agent: 'Mozilla/4.0 (compatible; Microsoft Outlook 14.0.7166; ms-office)',
      ...{ client: 'Outlook 2010', client_type: 'Email Client', os: 'Windows 7', device: 'desktop' },
    });
  });

  it.each([
    [{ country: 'Portugal' }, 'PT'],
    [{ country: 'pt' }, 'PT'],
    [{ country_short: '-', country: '-' }, undefined],
    [{ country: 'Nowhere' }, undefined],
    [null, undefined],
  ])('names a country by its ISO code only: %j', (location, country) => {
    expect(eventOf(mandrillEvent(email, 'open', { location })).metadata.country).toBe(country);
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
