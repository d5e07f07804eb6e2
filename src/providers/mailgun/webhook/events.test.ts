import { describe, expect, it } from 'vitest';
import { MAILGUN_KEY, mailgunEvent, mailgunSignature, nowS } from '../../../../test/support/webhooks.js';
import type { JsonObject } from '../../webhook-format/event.js';
import { NotUnderstoodError } from '../../webhook-format/format.js';
import { normaliseMailgun, parseMailgunForm, parseMailgunJson } from './events.js';
import { refuseMailgun } from './signature.js';

const email = { id: '019ab000-0000-7000-8000-000000000001' };

function eventOf(eventData: JsonObject) {
  const normalised = normaliseMailgun(eventData, undefined);
  if (!('emailId' in normalised)) throw new Error(`unmatched: ${normalised.unmatched}`);
  return normalised.event;
}

describe('a signature', () => {
  const now = new Date();
  const refuse = (options: Parameters<typeof mailgunSignature>[0]) =>
    refuseMailgun(mailgunSignature(options), MAILGUN_KEY, now);
  const atMs = (offsetMs: number) => Math.round((now.getTime() + offsetMs) / 1000);

  it('is right when it is made with the signing key', () => expect(refuse({})).toBeUndefined());
  it('is wrong with another key', () => expect(refuse({ key: 'another' })).toBe('bad_signature'));
  it('is wrong when there is none', () => {
    expect(refuseMailgun(undefined, MAILGUN_KEY, now)).toBe('bad_signature');
  });
  it.each(['', 'zz', 'abcd', 'é'.repeat(64)])('is wrong when it is no digest: "%s"', (signature) => {
    expect(refuseMailgun({ ...mailgunSignature(), signature }, MAILGUN_KEY, now)).toBe('bad_signature');
  });
  it('is wrong for another token or timestamp', () => {
    expect(refuseMailgun({ ...mailgunSignature(), token: 'x' }, MAILGUN_KEY, now)).toBe('bad_signature');
    expect(refuseMailgun({ ...mailgunSignature(), timestamp: String(nowS() - 1) }, MAILGUN_KEY, now)).toBe(
      'bad_signature',
    );
  });
  it('is taken for 12 hours, because a repetition may carry the original one', () => {
    expect(refuse({ timestamp: atMs(-11.9 * 3_600_000) })).toBeUndefined();
    expect(refuse({ timestamp: atMs(-12.1 * 3_600_000) })).toBe('too_old');
  });
  it('is taken at most five minutes ahead', () => {
    expect(refuse({ timestamp: atMs(4 * 60_000) })).toBeUndefined();
    expect(refuse({ timestamp: atMs(6 * 60_000) })).toBe('ahead_of_time');
  });
  it.each(['soon', '', '179000000', '17900000000', '1790000000 ', '1790000000e0', '1790000000.5', '+179000000'])(
    'is wrong when its timestamp is not ten digits, or characters could wander between it and the token: "%s"',
    (timestamp) => expect(refuse({ timestamp: timestamp as unknown as number })).toBe('bad_signature'),
  );
});

describe('every event type becomes a status or is kept', () => {
  const bounce = (status: JsonObject, reason = 'bounce') => ({
    severity: 'permanent',
    reason,
    'delivery-status': status,
  });
  const cases: [name: string, event: string, fields: JsonObject, type: string, suppress?: string][] = [
    ['accepted', 'accepted', {}, 'sent'],
    ['rejected', 'rejected', { reject: { reason: 'Sandbox' } }, 'failed'],
    ['delivered', 'delivered', {}, 'delivered'],
    ['temporary failure', 'failed', { severity: 'temporary', reason: 'generic' }, 'deferred'],
    ['opened', 'opened', {}, 'opened'],
    ['clicked', 'clicked', {}, 'clicked'],
    ['complained', 'complained', {}, 'complained', 'complained'],
    ['unsubscribed', 'unsubscribed', {}, 'unsubscribed', 'unsubscribed'],
    ['stored', 'stored', {}, 'stored'],
    ['an unknown address', 'failed', bounce({ code: 550, 'enhanced-code': '5.1.1' }), 'bounced', 'bounced'],
    ['a closed mailbox', 'failed', bounce({ code: 550, 'enhanced-code': '5.2.1' }), 'bounced', 'bounced'],
    ['a bounce without detail', 'failed', bounce({ code: 550, message: 'no such user' }), 'bounced', 'bounced'],
    ['a bounce without status', 'failed', { ...bounce({}), 'delivery-status': null }, 'bounced', 'bounced'],
    ['a full mailbox', 'failed', bounce({ code: 552, 'enhanced-code': '5.2.2' }), 'bounced'],
    ['a refusal for policy', 'failed', bounce({ code: 554, message: '5.7.1 blocked by policy' }), 'bounced'],
    ['a soft bounce', 'failed', bounce({ code: 550, 'bounce-type': 'soft' }), 'bounced'],
    ['given up after hours', 'failed', bounce({ code: 602 }, 'old'), 'bounced'],
    ['a generic failure', 'failed', bounce({ code: 550 }, 'generic'), 'bounced'],
    ['a failure of unknown severity', 'failed', { severity: 'odd' }, 'mailgun_failed'],
    ['a word nobody knows yet', 'Some New-Thing', {}, 'mailgun_some_new_thing'],
    ['a word that is a status of ours', 'dead', {}, 'mailgun_dead'],
    ['a word that every object knows', 'constructor', {}, 'mailgun_constructor'],
  ];

  it.each(cases)('%s', (_name, event, fields, type, suppress) => {
    expect(eventOf(mailgunEvent(email, event, fields))).toMatchObject({ type, suppress });
  });
});

describe('an event', () => {
  it('keeps its id, moment, attempt and Message-ID', () => {
    const raw = mailgunEvent(email, 'delivered', { id: 'abc', timestamp: 1521233195.375624 });
    expect(eventOf(raw)).toMatchObject({
      providerEventId: 'abc',
      occurredAt: new Date(1521233195376),
      generation: 1,
      attempt: 1,
      providerMessageId: `${email.id}.1@mail.example.com`,
    });
  });

  it('is found by its Message-ID when the variables are gone', () => {
    const raw = mailgunEvent(email, 'delivered', {
      'user-variables': {},
      message: { headers: { 'message-id': `${email.id.toUpperCase()}.3@elsewhere.example.org` } },
    });
    const normalised = normaliseMailgun(raw, undefined);
    expect(normalised).toMatchObject({ emailId: email.id, event: { generation: 3, attempt: null } });
  });

  it.each([
    ['no ids at all', { 'user-variables': {}, message: null }],
    ['an id that is no UUID', { 'user-variables': { email_id: '17' }, message: {} }],
    ["somebody else's Message-ID", { 'user-variables': null, message: { headers: { 'message-id': 'a@example.com' } } }],
  ])('without an e-mail of ours is kept apart: %s', (_name, fields) => {
    expect(normaliseMailgun(mailgunEvent(email, 'opened', fields), undefined)).toMatchObject({
      unmatched: 'no_email_id',
    });
  });

  it('that says nothing of when it happened has the moment of its signature', () => {
    const raw = mailgunEvent(email, 'opened', { timestamp: 'soon' });
    expect(normaliseMailgun(raw, '1521233195')).toMatchObject({ event: { occurredAt: new Date(1521233195000) } });
    expect(normaliseMailgun(raw, undefined)).toMatchObject({ unmatched: 'not_understood' });
  });

  it('without an id has the same made-up one whenever it is told', () => {
    const raw = mailgunEvent(email, 'opened', { id: undefined, timestamp: 1521233195 });
    expect(eventOf(raw).providerEventId).toBe(eventOf({ ...raw }).providerEventId);
    expect(eventOf(raw).providerEventId).not.toBe(eventOf({ ...raw, timestamp: 1521233196 }).providerEventId);
  });

  it('has at most 16 KB of metadata, with what an operator needs', () => {
    const { metadata } = eventOf(
      mailgunEvent(email, 'failed', {
        severity: 'permanent',
        reason: 'bounce',
        'delivery-status': { code: 550, message: '\u0001'.repeat(100_000), 'mx-host': 'mx.example.com' },
        'client-info': { 'user-agent': 'ü'.repeat(50_000) },
      }),
    );
    expect(Buffer.byteLength(JSON.stringify(metadata))).toBeLessThanOrEqual(16_384);
    expect(metadata).toMatchObject({ severity: 'permanent', reason: 'bounce', code: '550', mx_host: 'mx.example.com' });
  });

  it('says which link was followed, where, by what, and who passed it on', () => {
    const raw = mailgunEvent(email, 'clicked', {
      url: 'https://example.com/a',
      ip: '192.0.2.1',
      'client-info': {
        ...{ 'user-agent': 'Reader/1', 'client-name': 'Reader', 'client-type': 'mobile browser' },
        ...{ 'client-os': 'iOS', 'device-type': 'mobile', bot: '' },
      },
      geolocation: { country: 'US', region: 'CA', city: 'San Francisco', timezone: 'America/Los_Angeles' },
      envelope: { sender: 'bob@example.org', 'sending-ip': '192.0.2.9', targets: 'reader@example.org' },
      'recipient-provider': 'Gmail',
    });
    expect(eventOf(raw).metadata).toEqual({
      ...{ url: 'https://example.com/a', ip: '192.0.2.1', country: 'US', region: 'CA', city: 'San Francisco' },
      ...{ user_agent: 'Reader/1', client: 'Reader', client_type: 'mobile browser', os: 'iOS', device: 'mobile' },
      ...{ sending_ip: '192.0.2.9', recipient_provider: 'Gmail' },
    });
  });

  it('keeps a link and a diagnosis of 8 KB whole', () => {
    const url = `https://example.com/?q=${'x'.repeat(8_100)}`;
    expect(eventOf(mailgunEvent(email, 'clicked', { url })).metadata.url).toBe(url);
    const message = `550 5.1.1 ${'y'.repeat(8_100)}`;
    const raw = mailgunEvent(email, 'failed', { severity: 'permanent', 'delivery-status': { message } });
    expect(eventOf(raw).metadata.message).toBe(message);
  });

  it('leaves out what is not known of a place', () => {
    const nowhere = { country: 'Unknown', region: 'Unknown', city: '-' };
    expect(eventOf(mailgunEvent(email, 'opened', { geolocation: nowhere })).metadata).toEqual({});
  });
});

describe('the JSON shape', () => {
  it.each(['', 'x', '[]', '"text"', 'null', '{}', '{"event-data":[]}', '{"event-data":null}', '['.repeat(200_000)])(
    'is not understood: %.20s',
    (text) => expect(() => parseMailgunJson(text)).toThrow(NotUnderstoodError),
  );

  it.each([
    {},
    { signature: null },
    { signature: { token: 1, timestamp: 2, signature: 'x' } },
    { signature: { token: 'x', signature: 'x' } },
  ])('without a whole signature has none: %j', (fields) => {
    expect(parseMailgunJson(JSON.stringify({ ...fields, 'event-data': {} })).signature).toBeUndefined();
  });
});

describe('the legacy form', () => {
  const form = (fields: Record<string, string>) =>
    parseMailgunForm(
      Object.entries({ ...mailgunSignature(), email_id: email.id, generation: '2', attempt: '3', ...fields }),
    );
  const legacy = (fields: Record<string, string>) => {
    const { eventData, signature } = form(fields);
    return normaliseMailgun(eventData, signature?.timestamp);
  };

  it.each([
    [{ event: 'delivered' }, 'delivered', undefined],
    [{ event: 'opened' }, 'opened', undefined],
    [{ event: 'clicked', url: 'https://example.com' }, 'clicked', undefined],
    [{ event: 'complained' }, 'complained', 'complained'],
    [{ event: 'unsubscribed' }, 'unsubscribed', 'unsubscribed'],
    [{ event: 'bounced', code: '550', error: '5.1.1 unknown' }, 'bounced', 'bounced'],
    [{ event: 'bounced', code: '5.1.1', error: 'smtp;550 5.1.1 RecipNotFound; not found' }, 'bounced', 'bounced'],
    [{ event: 'bounced', code: '605' }, 'bounced', 'bounced'],
    [{ event: 'dropped', reason: 'old', code: '602' }, 'bounced', undefined],
    [{ event: 'dropped', reason: 'old', code: '499', description: 'Unable to connect' }, 'bounced', undefined],
    [{ event: 'dropped', reason: 'hardfail', code: '605' }, 'bounced', 'bounced'],
    [{ event: 'dropped', reason: 'hardfail', code: '606' }, 'bounced', 'unsubscribed'],
    [{ event: 'dropped', reason: 'hardfail', code: '607' }, 'bounced', 'complained'],
  ])('%j', (fields, type, suppress) => {
    expect(legacy(fields as Record<string, string>)).toMatchObject({
      emailId: email.id,
      event: { type, suppress, generation: 2, attempt: 3 },
    });
  });

  it('finds the e-mail by its Message-Id field', () => {
    const fields = { event: 'delivered', email_id: '', 'Message-Id': `<${email.id}.2@mail.example.com>` };
    expect(legacy(fields)).toMatchObject({ emailId: email.id, event: { generation: 2, attempt: null } });
  });

  it('has the same event id when it is repeated under a new signature, and another for another event', () => {
    const id = (fields: Record<string, string>) => form(fields).eventData.id;
    expect(id({ event: 'opened' })).toBe(id({ event: 'opened' }));
    expect(id({ event: 'opened' })).not.toBe(id({ event: 'delivered' }));
  });

  it.each(['opened', 'clicked'])('%s ten minutes later is another event; told again it is not', (event) => {
    const at = (timestamp: number) =>
      parseMailgunForm(Object.entries({ ...mailgunSignature({ timestamp }), email_id: email.id, event })).eventData.id;
    expect(at(1_700_000_600)).not.toBe(at(1_700_000_000));
    expect(at(1_700_000_600)).toBe(at(1_700_000_600));
  });

  it.each(['delivered', 'bounced', 'dropped', 'complained', 'unsubscribed'])(
    '%s happens once: told again ten minutes later it is the same event',
    (event) => {
      const at = (timestamp: number) =>
        parseMailgunForm(Object.entries({ ...mailgunSignature({ timestamp }), email_id: email.id, event })).eventData
          .id;
      expect(at(1_700_000_600)).toBe(at(1_700_000_000));
    },
  );

  it('says where and by what it was opened', () => {
    const reader = {
      country: 'US',
      region: 'CA',
      city: 'San Francisco',
      'client-os': 'OS X',
      'device-type': 'desktop',
    };
    const opened = legacy({ event: 'opened', ...reader, 'client-type': 'browser', 'client-name': 'Chrome' });
    expect(opened).toMatchObject({
      event: {
        metadata: {
          ...{ country: 'US', region: 'CA', city: 'San Francisco' },
          ...{ os: 'OS X', device: 'desktop', client_type: 'browser', client: 'Chrome' },
        },
      },
    });
  });

  it('is not understood without an event', () => {
    expect(() => parseMailgunForm([['a', 'b']])).toThrow(NotUnderstoodError);
  });
});
