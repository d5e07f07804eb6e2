import { describe, expect, test } from 'vitest';
import { outgoingMessage } from '../../../test/support/outgoing-message.js';
import { ask, endServers, never } from '../../../test/support/servers/scripted-mandrill.js';

endServers();

describe('a probe', () => {
  test.each([
    [200, '{"PING":"PONG!"}', undefined],
    [500, '{"status":"error","code":-1,"name":"Invalid_Key","message":"no"}', 'Invalid_Key'],
    [503, '', 'http_503'],
  ])('pings with our key, and takes %i %s for %s', async (status, body, code) => {
    const { result, url, document } = await ask((provider) => provider.probe(never), { status, body });
    expect(result?.code).toBe(code);
    expect({ url, document }).toEqual({ url: '/api/1.0/users/ping2.json', document: { key: 'key' } });
  });
});

describe('send', () => {
  const entry = (changes: object) =>
    JSON.stringify([{ email: 'receiver@example.org', status: 'sent', reject_reason: null, _id: 'abc', ...changes }]);

  const send = (changes: Parameters<typeof outgoingMessage>[0], answer: Parameters<typeof ask>[1]) =>
    ask((provider) => provider.send(outgoingMessage(changes), never), answer);

  test('posts the message as one JSON document', async () => {
    const { result, url, document } = await send({ receiver: '"Doe, J" <receiver@example.org>' }, { body: entry({}) });
    expect(result).toEqual({ kind: 'accepted', providerMessageId: 'abc' });
    expect(url).toBe('/api/1.0/messages/send.json');
    expect(document).toEqual({
      key: 'key',
      async: false,
      message: {
        from_email: 'sender@example.com',
        from_name: 'Bücherei',
        to: [{ email: 'receiver@example.org', name: 'Doe, J', type: 'to' }],
        subject: 'Grüße – 你好 ✉',
        text: 'Guten Tag, schöne Grüße',
        html: '<p>Guten Tag, <b>schöne</b> Grüße</p>',
        headers: {
          'Message-ID': '<019a0000-0000-7000-8000-000000000001.1@mail.example.com>',
          'Reply-To': 'reply@example.com',
        },
        important: true,
        track_opens: true,
        tags: ['invoice'],
        metadata: { email_id: '019a0000-0000-7000-8000-000000000001', generation: 1, attempt: 2 },
        attachments: [
          {
            type: 'application/pdf',
            name: 'Übersicht „März" 你.pdf',
            content: Buffer.from('%PDF-1.7\0ÿ').toString('base64'),
          },
        ],
      },
    });
  });

  test.each(['message/rfc822', 'Multipart/mixed'])('an attachment declared as %s is a file', async (contentType) => {
    const attachment = { filename: 'inner.eml', contentType, bytes: Buffer.from('Subject: inner\r\n\r\nHello') };
    const { document } = await send({ attachment }, { body: entry({}) });
    expect((document.message as { attachments: unknown[] }).attachments).toEqual([
      { type: 'application/octet-stream', name: 'inner.eml', content: attachment.bytes.toString('base64') },
    ]);
  });

  test('only critical is important, and what is not there is left out', async () => {
    const { document } = await send(
      { priority: 'low', attachment: null, text: null, replyTo: null, sender: 'sender@example.com' },
      { body: entry({}) },
    );
    const message = document.message as Record<string, unknown>;
    expect(message.important).toBe(false);
    expect(message).not.toHaveProperty('attachments');
    expect(message).not.toHaveProperty('text');
    expect(message).not.toHaveProperty('from_name');
    expect(message.headers).not.toHaveProperty('Reply-To');
  });

  test('headers of ours go out', async () => {
    const headers = {
      'List-Unsubscribe': '<https://mail.example.com/unsubscribe/1>',
      'Auto-Submitted': 'auto-generated',
    };
    const { document } = await send({ headers }, { body: entry({}) });
    expect((document.message as { headers: object }).headers).toMatchObject(headers);
  });

  test('tags that Mandrill would refuse stay at home', async () => {
    const { document } = await send({ tags: ['_own', 'x'.repeat(51), 'fine'] }, { body: entry({}) });
    expect((document.message as { tags: string[] }).tags).toEqual(['fine']);
  });

  test.each([
    ['sent', { status: 'sent' }, { kind: 'accepted', providerMessageId: 'abc' }],
    ['queued', { status: 'queued' }, { kind: 'accepted', providerMessageId: 'abc' }],
    [
      'queued for long',
      { status: 'queued', queued_reason: 'hourly-quota-exhausted' },
      { kind: 'accepted', providerMessageId: 'abc', note: 'hourly-quota-exhausted' },
    ],
    [
      'rejected',
      { status: 'rejected', reject_reason: 'hard-bounce' },
      { kind: 'rejected', code: 'rejected_hard-bounce', listed: 'bounced' },
    ],
    [
      'rejected for a complaint',
      { status: 'rejected', reject_reason: 'spam' },
      { kind: 'rejected', code: 'rejected_spam', listed: 'complained' },
    ],
    [
      'rejected for an unsubscription',
      { status: 'rejected', reject_reason: 'unsub' },
      { kind: 'rejected', code: 'rejected_unsub', listed: 'unsubscribed' },
    ],
    ['rejected by a rule', { status: 'rejected', reject_reason: 'rule' }, { kind: 'rejected', code: 'rejected_rule' }],
    [
      'rejected after a soft bounce',
      { status: 'rejected', reject_reason: 'soft-bounce' },
      { kind: 'rejected', code: 'rejected_soft-bounce' },
    ],
    ['rejected without a reason', { status: 'rejected' }, { kind: 'rejected', code: 'rejected_rejected' }],
    [
      'rejected with a sentence',
      { status: 'rejected', reject_reason: 'to a@b.c!' },
      { kind: 'rejected', code: 'rejected' },
    ],
    ['invalid', { status: 'invalid' }, { kind: 'rejected', code: 'rejected_invalid' }],
    ['unknown', { status: 'teleported' }, { kind: 'ambiguous', code: 'unreadable_answer' }],
  ])('an entry that is %s', async (_, changes, expected) => {
    expect((await send({}, { body: entry(changes) })).result).toEqual(expected);
  });

  const error = (name: string) => JSON.stringify({ status: 'error', code: -1, name, message: 'for a@example.com' });
  test.each([
    [500, error('ValidationError'), { kind: 'rejected', code: 'ValidationError' }],
    [500, error('Unknown_Subaccount'), { kind: 'rejected', code: 'Unknown_Subaccount' }],
    [500, error('Unknown_Template'), { kind: 'rejected', code: 'Unknown_Template' }],
    [500, error('Invalid_Key'), { kind: 'misconfigured', code: 'Invalid_Key' }],
    [500, error('PaymentRequired'), { kind: 'misconfigured', code: 'PaymentRequired' }],
    [429, error('RequestLimitExceeded'), { kind: 'throttled', code: 'RequestLimitExceeded' }],
    [503, error('ServiceUnavailable'), { kind: 'unavailable', code: 'ServiceUnavailable' }],
    [500, error('GeneralError'), { kind: 'ambiguous', code: 'GeneralError' }],
    [500, error('SomethingNew'), { kind: 'ambiguous', code: 'SomethingNew' }],
    [500, error('not a code: a@example.com'), { kind: 'ambiguous', code: 'http_500' }],
    [502, '<html>', { kind: 'ambiguous', code: 'http_502' }],
    [503, '<html>', { kind: 'unavailable', code: 'http_503' }],
    [429, '', { kind: 'throttled', code: 'http_429' }],
    [413, '', { kind: 'rejected', code: 'http_413' }],
    [404, '<html>', { kind: 'misconfigured', code: 'http_404' }],
    [200, '<html>', { kind: 'misconfigured', code: 'no_message_id' }],
    [200, '[]', { kind: 'ambiguous', code: 'unreadable_answer' }],
  ])('%i %s', async (status, body, expected) => {
    expect((await send({}, { status, body })).result).toEqual(expected);
  });

  test('says how long to wait', async () => {
    const answer = { status: 429, body: error('RequestLimitExceeded'), headers: { 'retry-after': '2' } };
    expect((await send({}, answer)).result).toMatchObject({ kind: 'throttled', retryAfterMs: 2_000 });
  });
});
