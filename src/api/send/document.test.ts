import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  documentAttachment,
  documentsTo,
  expectNothingStored,
  JSON_TYPE,
  postRaw,
  sendForm,
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

const rowOf = (id: string) => api.db.selectFrom('emails').selectAll().where('id', '=', id).executeTakeFirstOrThrow();

describe('POST /api/send of a JSON document', () => {
  it('stores what a form would have stored, and answers alike', async () => {
    const common = { sender: '"Sales, north" <sales@example.com>', receiver: 'Ada@Example.org', priority: 'critical' };
    const more = { reply_to: 'Help <help@example.com>', send_at: new Date(Date.now() + 3_600_000).toISOString() };
    const form = sendForm({ ...common, ...more, content: 'Grüße', metadata: '{"n": [1, null]}', tags: 'a, b' });
    const ofForm = await accepted(await api.send(form));
    const document = { ...common, ...more, text: 'Grüße', metadata: { n: [1, null] }, tags: ['a', 'b'] };
    const ofDocument = await accepted(await send(document));
    expect(Object.keys(ofDocument)).toEqual(Object.keys(ofForm));
    const differing = { id: 0, created_at: 0 };
    expect({ ...(await rowOf(ofDocument.id)), ...differing }).toEqual({ ...(await rowOf(ofForm.id)), ...differing });
  });

  it('keeps both bodies, headers, and that opens are not tracked', async () => {
    const { id } = await accepted(
      await send({
        html: '<p>Grüße</p>',
        headers: { 'X-Entity-Ref-ID': '17', References: '<a@b> <c@d>' },
        track_opens: false,
      }),
    );
    expect(await rowOf(id)).toMatchObject({
      content: '<p>Grüße</p>',
      content_type: 'text/html',
      alternative: 'It is sent.\n',
      headers: { 'X-Entity-Ref-ID': '17', References: '<a@b> <c@d>' },
      track_opens: false,
    });
    const view = await (await api.get(`/api/email/${id}`)).json();
    expect(view).toMatchObject({ track_opens: false, headers: { 'X-Entity-Ref-ID': '17', References: '<a@b> <c@d>' } });
  });

  it('stores nothing more for an e-mail that uses nothing of it', async () => {
    const { id } = await accepted(await send({ track_opens: true, headers: {} }));
    expect(await rowOf(id)).toMatchObject({
      content_type: 'text/plain',
      alternative: null,
      headers: null,
      track_opens: null,
    });
  });

  it('takes HTML alone', async () => {
    const { id } = await accepted(await send({ text: undefined, html: '<p>Hello</p>' }));
    expect(await rowOf(id)).toMatchObject({ content: '<p>Hello</p>', content_type: 'text/html', alternative: null });
  });

  it('takes null for nothing', async () => {
    const nothing = { html: null, reply_to: null, metadata: null, tags: null, headers: null, track_opens: null };
    const { id } = await accepted(await send({ ...nothing, send_at: null, priority: null, attachment: null }));
    expect(await rowOf(id)).toMatchObject({ priority: 'medium', content: VALID.text, reply_to: null });
  });

  it.each([
    ['as it is', (text: string) => text],
    ['with escaped slashes, as PHP writes it', (text: string) => text.replaceAll('/', '\\/')],
    [
      'with escaped signs, as Gson writes it',
      (text: string) => text.replaceAll('=', '\\u003d').replaceAll('+', '\\u002B'),
    ],
    ['in lines, as MIME has it', (text: string) => text.replace(/.{76}/g, '$&\\r\\n')],
  ])('stages an attachment byte for byte, its base64 %s', async (_, written) => {
    const bytes = createHash('shake256', { outputLength: 700_001 }).update('any').digest();
    const body = JSON.stringify({ ...VALID, ...attachment(Buffer.from('x')) }).replace(
      'eA==',
      written(bytes.toString('base64')),
    );
    const { id } = await accepted(await sendText(body));
    const row = await api.db.selectFrom('attachments').selectAll().where('email_id', '=', id).executeTakeFirst();
    expect(row).toMatchObject({
      filename: 'a b.pdf',
      content_type: 'application/pdf',
      size_bytes: bytes.length,
      sha256: createHash('sha256').update(bytes).digest('hex'),
    });
    const chunks = await api.db
      .selectFrom('attachment_chunks')
      .select('data')
      .where('email_id', '=', id)
      .orderBy('seq')
      .execute();
    expect(Buffer.concat(chunks.map(({ data }) => data)).equals(bytes)).toBe(true);
  });

  it('takes an attachment of exactly the limit, and one of no type', async () => {
    const { id } = await accepted(await send(attachment(Buffer.alloc(18 * MB, 7), { content_type: undefined })));
    const row = await api.db.selectFrom('attachments').selectAll().where('email_id', '=', id).executeTakeFirst();
    expect(row).toMatchObject({ size_bytes: 18 * MB, content_type: 'application/octet-stream' });
  });
});

describe('the same Idempotency-Key', () => {
  const key = { 'Idempotency-Key': 'order-1' };

  it('with the same document gets the first answer, in whatever order and spacing it is written', async () => {
    const file = attachment(Buffer.from('bytes'));
    const first = await send({ metadata: { a: 1, b: 2 }, ...file }, key);
    const answer = await first.text();
    const again = { ...file, metadata: { b: 2, a: 1 }, ...VALID };
    const repeat = await postRaw(api, JSON.stringify(again, null, 2), { ...JSON_TYPE, ...key });
    expect(repeat.headers.get('idempotent-replayed')).toBe('true');
    expect(await repeat.text()).toBe(answer);
  });

  it.each([
    ['other bytes attached', attachment(Buffer.from('other'))],
    ['a header more', { headers: { 'X-A': '1' } }],
    ['HTML beside the text', { html: '<p>It</p>' }],
    ['opens that are not tracked', { track_opens: false }],
    ['a list in the place of an object', { metadata: { a: [['b', 1]] } }],
  ])('with %s is refused', async (what, changes) => {
    const own = { 'Idempotency-Key': `order-${what.length}` };
    const base = { metadata: { a: { b: 1 } }, ...attachment(Buffer.from('bytes')) };
    await accepted(await send(base, own));
    const before = await storedRows(api.db);
    expect(await refusal(await send({ ...base, ...changes }, own))).toMatchObject({
      status: 422,
      code: 'idempotency_key_reused',
    });
    await expect.poll(() => storedRows(api.db)).toEqual(before);
  });
});

describe('a form', () => {
  it('gives text and HTML by name, headers and tracking as well', async () => {
    const more = { text: 'Hello', html: '<p>Hello</p>', headers: '{"X-A":"1"}', track_opens: 'false' };
    const { id } = await accepted(await api.send(sendForm({ content: undefined, ...more })));
    expect(await rowOf(id)).toMatchObject({
      content: '<p>Hello</p>',
      content_type: 'text/html',
      alternative: 'Hello',
      headers: { 'X-A': '1' },
      track_opens: false,
    });
  });

  it.each([
    [
      { content: 'It is', html: '<p>a</p>' },
      { content: '<p>a</p>', alternative: 'It is' },
    ],
    [
      { content: 'It is', content_type: 'text/html', text: 'a' },
      { content: 'It is', alternative: 'a' },
    ],
  ])('gives the other body beside its content: %j', async (changes, stored) => {
    const { id } = await accepted(await api.send(sendForm(changes as never)));
    expect(await rowOf(id)).toMatchObject({ ...stored, content_type: 'text/html' });
  });

  it.each<[Record<string, string>, Record<string, string>]>([
    [{ text: 'again' }, { text: 'repeated_content' }],
    [{ content_type: 'text/html', html: 'again' }, { html: 'repeated_content' }],
    [{ html: '' }, { html: 'required' }],
    [{ headers: 'X-A: 1' }, { headers: 'invalid_headers' }],
    [{ headers: '{"Bcc":"a@example.com"}' }, { 'headers.Bcc': 'header_not_allowed' }],
    [{ track_opens: 'no' }, { track_opens: 'invalid_boolean' }],
  ])('is refused with %j', async (changes, faults) => {
    expect(await refusal(await api.send(sendForm(changes)))).toMatchObject({ status: 422, faults });
  });
});

describe('a client whose opens are not tracked', () => {
  it('has e-mails that say so, unless one says otherwise', async () => {
    await api.db.updateTable('clients').set({ track_opens: false }).where('id', '=', api.client.id).execute();
    const tracked = async (changes: object) => (await rowOf((await accepted(await send(changes))).id)).track_opens;
    expect([await tracked({}), await tracked({ track_opens: true }), await tracked({ track_opens: false })]).toEqual([
      false,
      null,
      false,
    ]);
  });
});

describe('an api with little room', () => {
  let small: TestApi;
  beforeAll(async () => {
    small = await startTestApi({ concurrentUploads: 1, fieldBytes: 1024 });
  });
  afterAll(() => small.stop());

  it.each<[string, object]>([
    ['attachments', attachment(Buffer.from('a'))],
    ['fields', { text: 'x'.repeat(600) }],
  ])('turns a document away whose client has its share of %s', async (_, changes) => {
    const answer = await small.post('/api/send', { ...VALID, ...changes });
    expect(await refusal(answer)).toMatchObject({ status: 503, code: 'too_many_uploads' });
    await expectNothingStored(small.db);
    expect((await small.post('/api/send', VALID)).status).toBe(200);
    await small.db.deleteFrom('email_queue').execute();
    await small.db.deleteFrom('email_events').execute();
    await small.db.deleteFrom('emails').execute();
  });
});
