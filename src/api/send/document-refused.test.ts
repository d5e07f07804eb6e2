import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  documentAttachment,
  documentsTo,
  openConnection,
  startTestApi,
  storedRows,
  type TestApi,
  VALID_DOCUMENT,
} from '../../../test/support/api.js';
import { refusal } from '../../../test/support/refused.js';

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api.stop());

const VALID = VALID_DOCUMENT;
const MB = 1024 * 1024;

const { send, sendText, accepted } = documentsTo(() => api);
const attachment = documentAttachment;

describe('a document that is refused', () => {
  let before: Awaited<ReturnType<typeof storedRows>>;
  beforeAll(async () => {
    before = await storedRows(api.db);
  });
  const expectStoredNothing = () => expect.poll(() => storedRows(api.db)).toEqual(before);

  it('lists every fault at once, by the codes of a form', async () => {
    const answer = await refusal(
      await send({
        sender: 'nobody',
        receiver: 17,
        subject: 'two\nlines',
        text: '',
        html: 'a\u0000b',
        priority: 'high',
        reply_to: 'a@example.com, b@example.com',
        metadata: [1],
        tags: ['a,b'],
        headers: { From: 'x', 'X-Ok': 'fine', 'X-Break': 'a\r\nBcc: b@example.com' },
        track_opens: 'no',
        send_at: 'tomorrow',
        attachment: { filename: '', content_type: 'pdf', content_base64: 'not base64' },
        content: 'x',
        attachments: [],
      }),
    );
    expect(answer).toMatchObject({ status: 422, code: 'invalid_fields' });
    expect(answer.faults).toEqual({
      sender: 'invalid_address',
      receiver: 'invalid_value',
      subject: 'control_character',
      text: 'required',
      html: 'control_character',
      priority: 'unknown_priority',
      reply_to: 'invalid_address',
      metadata: 'invalid_metadata',
      tags: 'invalid_tags',
      'headers.From': 'header_not_allowed',
      'headers.X-Break': 'control_character',
      track_opens: 'invalid_boolean',
      send_at: 'invalid_time',
      'attachment.filename': 'missing_filename',
      'attachment.content_type': 'invalid_attachment_type',
      'attachment.content_base64': 'invalid_base64',
      content: 'unknown_field',
      attachments: 'unknown_field',
    });
    await expectStoredNothing();
  });

  it.each<[string, object, Record<string, string>]>([
    ['no body at all', { text: undefined }, { text: 'required' }],
    ['an empty attachment', attachment(Buffer.alloc(0)), { attachment: 'empty_attachment' }],
    ['an attachment without content', { attachment: { filename: 'a' } }, { 'attachment.content_base64': 'required' }],
    ['an attachment that is a text', { attachment: 'QUJD' }, { attachment: 'invalid_value' }],
    ['half a character', { subject: 'a\ud800' }, { subject: 'invalid_utf8' }],
    ['metadata that are too long', { metadata: { a: 'x'.repeat(4096) } }, { metadata: 'too_long' }],
    ['eleven tags', { tags: [...'abcdefghijk'] }, { tags: 'too_many_tags' }],
    ['a tag that is a number', { tags: [1] }, { 'tags.0': 'invalid_tags' }],
    ['headers that are a list', { headers: ['X-A'] }, { headers: 'invalid_headers' }],
    ['a prototype', JSON.parse('{"headers":{"__proto__":"x"}}'), { 'headers.__proto__': 'invalid_header_name' }],
  ])('for %s', async (_, changes, faults) => {
    expect(await refusal(await send(changes))).toMatchObject({ status: 422, code: 'invalid_fields', faults });
    await expectStoredNothing();
  });

  it('for an unsubscribe link of its own in bulk, which has one of ours', async () => {
    const headers = { 'List-Unsubscribe': '<https://example.com/u>' };
    expect(await refusal(await send({ headers, priority: 'low' }))).toMatchObject({
      faults: { 'headers.List-Unsubscribe': 'header_not_allowed' },
    });
    await accepted(await send({ headers, priority: 'medium' }));
    before = await storedRows(api.db);
  });

  it.each([
    ['twice', '"subject":"a","subject":"a"', 'subject'],
    ['twice, once with an escape', '"subject":"a","s\\u0075bject":"a"', 'subject'],
    ['twice within metadata', '"metadata":{"a":1,"a":2}', 'metadata.a'],
    [
      'with two attachments',
      '"attachment":{"filename":"a","content_base64":"QQ==","content_base64":"Qg=="}',
      'attachment.content_base64',
    ],
  ])('for a name %s', async (_, members, field) => {
    const { subject: __, ...rest } = VALID;
    const body = `{${members},${JSON.stringify(rest).slice(1)}`;
    expect((await refusal(await sendText(body))).faults).toMatchObject({ [field]: 'repeated_field' });
    await expectStoredNothing();
  });

  it.each([
    ['no JSON', '{"sender":', /not JSON/],
    ['cut off within its attachment', '{"attachment":{"content_base64":"QUJD', /not JSON/],
    ['a list', '[]', /no JSON object/],
    ['no UTF-8', Buffer.from('{"subject":"\xff"}', 'latin1'), /not UTF-8/],
    ['deep', `{"metadata":${'['.repeat(40)}`, /nested deeper/],
    ['of many values', `{"metadata":[${'1,'.repeat(6000)}1]}`, /more than 5000 values/],
    ['with an endless name', `{"${'a'.repeat(5000)}":1}`, /longer than 4096/],
    ['empty', '', /not JSON|no body/],
  ])('that is %s: 400', async (_, body, detail) => {
    const answer = await refusal(await sendText(body));
    expect(answer).toMatchObject({ status: 400, code: 'malformed_request' });
    expect(answer.detail).toMatch(detail);
    await expectStoredNothing();
  });

  it.each<[string, object]>([
    ['an attachment over 18 MB', attachment(Buffer.alloc(18 * MB + 1))],
    ['a text over 5 MB', { text: 'x'.repeat(5 * MB + 1) }],
    ['fields without measure', { subject: 'x'.repeat(17 * MB) }],
    [
      'bodies and attachment that no provider takes together',
      { html: 'x'.repeat(2 * MB), ...attachment(Buffer.alloc(17 * MB)) },
    ],
  ])('for %s: 413', async (_, changes) => {
    expect(await refusal(await send(changes))).toMatchObject({ status: 413, code: 'too_large' });
    await expectStoredNothing();
  });

  it('whose connection breaks within its attachment leaves nothing', async () => {
    const { socket } = await openConnection(api.port);
    const head = ['POST /api/send HTTP/1.1', 'Host: 127.0.0.1', `Authorization: Bearer ${api.client.key}`];
    socket.write([...head, 'Content-Type: application/json', 'Content-Length: 2000000', '\r\n'].join('\r\n'));
    socket.write(`{"attachment":{"filename":"a","content_base64":"${'QUJD'.repeat(200_000)}`);
    const chunks = async () => (await storedRows(api.db)).attachment_chunks;
    await expect.poll(chunks).toBe(before.attachment_chunks + 2);
    socket.destroy();
    await expectStoredNothing();
  });
});
