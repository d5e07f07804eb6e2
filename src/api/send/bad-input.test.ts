import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  BOUNDARY,
  expectNothingStored,
  field,
  file,
  multipart,
  openConnection,
  postRaw,
  type RawPart,
  requestHead,
  sendForm,
  startTestApi,
  storedRows,
  type TestApi,
  VALID_FIELDS,
  VALID_PARTS,
} from '../../../test/support/api.js';
import { expectRefused } from '../../../test/support/refused.js';

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api.stop());

const aDay = 24 * 60 * 60 * 1000;
const inFuture = (ms: number) => new Date(Date.now() + ms).toISOString();

describe('fields that are not valid: 422, each fault listed, nothing stored', () => {
  it.each<[string, Record<string, string | undefined>, string[]]>([
    ['no sender', { sender: undefined }, ['sender required']],
    ['no receiver', { receiver: undefined }, ['receiver required']],
    ['no subject', { subject: undefined }, ['subject required']],
    ['no content', { content: undefined }, ['content required']],
    ['an empty subject', { subject: '' }, ['subject required']],
    ['an address without a domain', { receiver: 'ada' }, ['receiver invalid_address']],
    ['two addresses', { receiver: 'a@example.com, b@example.com' }, ['receiver invalid_address']],
    ['a group', { receiver: 'all: a@example.com;' }, ['receiver invalid_address']],
    ['a bad reply address', { reply_to: 'nobody' }, ['reply_to invalid_address']],
    ['an unknown priority', { priority: 'urgent' }, ['priority unknown_priority']],
    ['an unknown content type', { content_type: 'text/markdown' }, ['content_type unknown_content_type']],
    ['a misspelt field', { prioritty: 'critical' }, ['prioritty unknown_field']],
    ['a bracketed field', { 'subject[0]': 'x' }, ['subject[0] unknown_field']],
    [
      'a field named like an object’s own',
      { __proto__x: 'x', constructor: 'y' },
      ['__proto__x unknown_field', 'constructor unknown_field'],
    ],
    ['a too long subject', { subject: 's'.repeat(999) }, ['subject too_long']],
    ['a too long display name', { sender: `${'n'.repeat(512)} <a@example.com>` }, ['sender too_long']],
    [
      'a huge field',
      { tags: 't,'.repeat(500_000), reply_to: 'r'.repeat(1_000_000) },
      ['tags too_many_tags', 'reply_to too_long'],
    ],
    ['metadata that is not JSON', { metadata: '{' }, ['metadata invalid_metadata']],
    ['metadata that is a list', { metadata: '[]' }, ['metadata invalid_metadata']],
    ['metadata that PostgreSQL cannot store', { metadata: '{"a":"\\u0000"}' }, ['metadata invalid_metadata']],
    ['metadata with half a character', { metadata: '{"a":"\\ud800"}' }, ['metadata invalid_metadata']],
    ['metadata with an escaped line break', { metadata: '{"a":"x\\r\\ny"}' }, ['metadata invalid_metadata']],
    ['metadata with an endless number', { metadata: '{"a":1e999}' }, ['metadata invalid_metadata']],
    ['too much metadata', { metadata: JSON.stringify({ a: 'x'.repeat(4096) }) }, ['metadata too_long']],
    ['eleven tags', { tags: 'a,b,c,d,e,f,g,h,i,j,k' }, ['tags too_many_tags']],
    ['an empty tag', { tags: 'a,,b' }, ['tags invalid_tags']],
    ['a too long tag', { tags: 't'.repeat(129) }, ['tags too_long']],
    ['a send_at without an offset', { send_at: '2030-01-01T00:00:00' }, ['send_at invalid_time']],
    ['a send_at without seconds', { send_at: '2030-01-01T00:00Z' }, ['send_at invalid_time']],
    ['a send_at that no calendar has', { send_at: '2030-02-30T00:00:00Z' }, ['send_at invalid_time']],
    ['a send_at in the past', { send_at: inFuture(-aDay) }, ['send_at time_in_past']],
    ['a send_at beyond 30 days', { send_at: inFuture(30 * aDay + 60_000) }, ['send_at time_too_far']],
    [
      'many faults at once',
      { sender: undefined, receiver: 'x', priority: 'now', extra: '1' },
      ['sender required', 'receiver invalid_address', 'priority unknown_priority', 'extra unknown_field'],
    ],
  ])('%s', async (_, changes, faults) => {
    const response = await api.send(sendForm(changes, new Blob(['some bytes'])));
    await expectRefused(api.db, response, 422, 'invalid_fields', faults);
  });

  const lines = ['sender', 'receiver', 'subject', 'content_type', 'priority', 'reply_to', 'tags', 'send_at'];
  const valid: Record<string, string> = {
    ...VALID_FIELDS,
    content_type: 'text/html',
    priority: 'low',
    reply_to: 'help@example.com',
    tags: 'a',
    send_at: inFuture(aDay),
  };
  // Fields of few values: anything else is simply not one of them.
  const unknown: Record<string, string> = { content_type: 'unknown_content_type', priority: 'unknown_priority' };
  const attacks = ['\r\nBcc: b@example.com', '\nBcc: b@example.com', '\r', '\u0000', '\u0085', '\u2028', '\u001b[2J'];
  it.each(lines.flatMap((name) => attacks.map((attack) => [name, attack] as const)))(
    'header injection: %s with %j',
    async (name, attack) => {
      // By hand, because FormData would make CR LF of every line break.
      const parts = Object.entries({ ...VALID_FIELDS, [name]: valid[name] + attack }).map(([key, value]) =>
        field(key, value),
      );
      const code = unknown[name] ?? 'control_character';
      await expectRefused(api.db, await postRaw(api, multipart(parts)), 422, 'invalid_fields', [`${name} ${code}`]);
    },
  );

  it('NUL and escape characters in the content', async () => {
    for (const character of ['\u0000', '\u001b', '\u0008']) {
      const response = await api.send(sendForm({ content: `a${character}b` }));
      await expectRefused(api.db, response, 422, 'invalid_fields', ['content control_character']);
    }
  });

  it.each<[string, RawPart[], string[]]>([
    ['a percent-encoded CR/LF in the filename', [file('a%0D%0ABcc: b.pdf')], ['attachment control_character']],
    ['a percent-encoded LF in the filename', [file('a%0ab.pdf')], ['attachment control_character']],
    [
      'a CR/LF in an extended filename',
      [{ ...file(''), disposition: `form-data; name="attachment"; filename*=UTF-8''a%0D%0Ab.pdf` }],
      ['attachment control_character'],
    ],
    ['a too long filename', [file(`${'n'.repeat(256)}.pdf`)], ['attachment too_long']],
    ['two attachments', [file('a.pdf'), file('b.pdf')], ['attachment too_many_attachments']],
    ['a file in another field', [file('a.pdf', 'x', 'picture')], ['picture unknown_field']],
    ['an empty attachment', [file('a.pdf', '')], ['attachment empty_attachment']],
    ['a file without a name', [file('')], ['attachment missing_filename']],
    [
      'a file part without a filename',
      [{ disposition: 'form-data; name="attachment"', contentType: 'application/octet-stream', body: 'x' }],
      ['attachment missing_filename'],
    ],
    ['an attachment sent as a text field', [field('attachment', Buffer.from([0xff]))], ['attachment missing_filename']],
    ['a repeated field', [field('subject', 'again')], ['subject repeated_field']],
    ['a repeated unknown field', [field('x[]', '1'), field('x[]', '2')], ['x[] repeated_field', 'x[] unknown_field']],
    ['brackets that lead nowhere', [field('subject[', '1')], ['subject[ unknown_field']],
    ['a field inside another', [field('subject[a]', '1')], ['subject[a] unknown_field']],
  ])('%s', async (_, extra, faults) => {
    const response = await postRaw(api, multipart([...VALID_PARTS, ...extra]));
    await expectRefused(api.db, response, 422, 'invalid_fields', faults);
  });
});

describe('bodies that are malformed: 400, nothing stored', () => {
  it.each(Object.keys(VALID_FIELDS))('invalid UTF-8 in %s', async (name) => {
    const bytes = Buffer.concat([Buffer.from('abc'), Buffer.from([0xc3, 0x28])]);
    const parts = [...VALID_PARTS.filter((part) => !part.disposition.includes(`"${name}"`)), field(name, bytes)];
    const response = await postRaw(api, multipart([...parts, file('a.pdf')]));
    await expectRefused(api.db, response, 400, 'malformed_request');
  });

  it('invalid UTF-8 in the filename', async () => {
    const body = multipart([...VALID_PARTS, file('a-MARK.pdf')]);
    const at = body.indexOf('MARK');
    body.fill(0xff, at, at + 4);
    await expectRefused(api.db, await postRaw(api, body), 400, 'malformed_request', ['attachment invalid_utf8']);
  });

  it('a field in a character set that does not exist', async () => {
    const part = { ...field('subject', 'x'), contentType: 'text/plain; charset=klingon' };
    const response = await postRaw(
      api,
      multipart([...VALID_PARTS.filter((p) => !p.disposition.includes('subject')), part]),
    );
    await expectRefused(api.db, response, 400, 'malformed_request');
  });

  it.each<[string, Buffer]>([
    ['no final delimiter', multipart([...VALID_PARTS, file('a.pdf', 'x'.repeat(600_000))], '')],
    ['an end in the midst of a part header', Buffer.concat([multipart(VALID_PARTS, `--${BOUNDARY}\r\nContent-Disp`)])],
    ['an empty body', Buffer.alloc(0)],
    ['something else than parts', Buffer.from('{"sender":"a@example.com"}')],
    ['a part without a disposition', multipart([...VALID_PARTS, { disposition: 'attachment', body: 'lost' }])],
    // The parser cannot read this header and would leave the attachment out without a word.
    [
      'an attachment whose header is broken',
      multipart([...VALID_PARTS, { ...file(''), disposition: 'form-data; name="attachment"; filename="a' }]),
    ],
    ['a control character in a part header', multipart([...VALID_PARTS, file('a\u0001.pdf')])],
    ['a field without a name', multipart([...VALID_PARTS, { disposition: 'form-data', body: 'x' }])],
    [
      'a delimiter in a content, cut off there',
      multipart([...VALID_PARTS.slice(0, 3), field('content', `a\r\n--${BOUNDARY}x\r\nlost`)]),
    ],
    ['hundreds of parts', multipart(Array.from({ length: 300 }, (_, i) => field(`f${i}`, 'x')))],
  ])('%s', async (_, body) => {
    await expectRefused(api.db, await postRaw(api, body), 400, 'malformed_request');
  });

  it('a body that stops half-way and closes', async () => {
    const body = multipart([...VALID_PARTS, file('a.pdf', Buffer.alloc(900_000, 1))]);
    const { socket, answer } = await openConnection(api.port);
    socket.write(requestHead(api, body.length));
    socket.write(body.subarray(0, 700_000));
    // Chunks have been stored when the connection breaks.
    await expect.poll(async () => (await storedRows(api.db)).attachment_chunks).toBeGreaterThan(0);
    socket.destroy();
    await answer;
    await expectNothingStored(api.db);
  });

  it('a body that stops half-way and waits for an answer', async () => {
    const body = multipart([...VALID_PARTS, file('a.pdf', Buffer.alloc(900_000, 1))]);
    const { socket, answer } = await openConnection(api.port);
    socket.write(requestHead(api, body.length));
    socket.end(body.subarray(0, 700_000));
    expect(await answer).toMatch(/^HTTP\/1.1 400 .*"code":"incomplete_body"/s);
    await expectNothingStored(api.db);
  });

  it.each(['with space', 'x'.repeat(256), 'ключ'.normalize()])('the idempotency key %j', async (key) => {
    const bytes = Buffer.from(key).toString('latin1');
    const response = await api.send(sendForm(), { 'Idempotency-Key': bytes });
    await expectRefused(api.db, response, 400, 'invalid_idempotency_key');
  });
});
