import { once } from 'node:events';
import { connect } from 'node:net';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { BOUNDARY, field, file, multipart, type RawPart, storedRows, VALID_PARTS } from '../../../test/support/api.js';
import { forkMeasuredApi, type MeasuredApi } from '../../../test/support/measured/fork-api.js';
import { patient } from '../../../test/support/patience.js';

const MB = 1024 * 1024;
/** In each of two rounds: what the first one leaves behind is what the second one starts with. */
const RUNS = 400;

let measured: MeasuredApi;
beforeAll(async () => {
  measured = await forkMeasuredApi('--expose-gc');
});
afterAll(() => measured?.stop());

const bytes = fc.uint8Array({ maxLength: 400 }).map((array) => Buffer.from(array));
const text = fc.oneof(fc.string({ unit: 'binary', maxLength: 60 }), fc.constantFrom('', '\0', 'a@example.com', '[]'));
const name = fc.oneof(
  fc.constantFrom('sender', 'receiver', 'subject', 'content', 'priority', 'metadata', 'tags', 'send_at', 'attachment'),
  fc.constantFrom('subject[', 'subject[a]', '__proto__', 'constructor', '', '"', '\r\n'),
  text,
);
const part: fc.Arbitrary<RawPart> = fc.oneof(
  fc.tuple(name, fc.oneof(text, bytes)).map(([name_, body]) => field(name_, body)),
  fc.tuple(name, text, bytes).map(([name_, filename, body]) => file(filename, body, name_)),
  fc.tuple(text, text, bytes).map(([disposition, contentType, body]) => ({ disposition, contentType, body })),
);
/** A form, mostly with all it needs, in which something is out of order. */
const form = fc
  .tuple(fc.constantFrom(VALID_PARTS, []), fc.array(part, { maxLength: 6 }), fc.boolean())
  .map(([valid, parts, before]) => multipart(before ? [...parts, ...valid] : [...valid, ...parts]));

const json = fc.oneof(
  fc.json().map((value) => Buffer.from(value)),
  fc
    .record({ sender: fc.jsonValue(), receiver: fc.jsonValue(), subject: fc.jsonValue(), html: fc.jsonValue() })
    .map((value) => Buffer.from(JSON.stringify(value))),
  bytes,
);
const damage = fc.oneof(
  fc.constant((body: Buffer) => body),
  fc.nat().map((at) => (body: Buffer) => body.subarray(0, at % (body.length + 1))),
  fc.tuple(fc.nat(), fc.nat(255)).map(([at, value]) => (body: Buffer) => {
    const damaged = Buffer.from(body);
    if (damaged.length > 0) damaged[at % damaged.length] = value;
    return damaged;
  }),
  fc.tuple(fc.nat(), bytes).map(([at, more]) => (body: Buffer) => {
    const where = at % (body.length + 1);
    return Buffer.concat([body.subarray(0, where), more, body.subarray(where)]);
  }),
);
const request = fc.record({
  body: fc.oneof(form, json),
  damage,
  contentType: fc.oneof(
    { weight: 6, arbitrary: fc.constant(`multipart/form-data; boundary=${BOUNDARY}`) },
    fc.constantFrom('application/json', 'application/json; charset=utf-16', 'multipart/form-data', 'text/plain', ''),
    fc.constantFrom('multipart/form-data; boundary=', 'multipart/form-data; boundary="', 'multipart/form-data; ='),
  ),
  // More or less than there is: the body ends early, or something follows it.
  lengthError: fc.oneof({ weight: 5, arbitrary: fc.constant(0) }, fc.integer({ min: -20, max: 20 })),
});

/** Sends a request as it is and closes. @returns the status of the first answer; undefined when there was none. */
function post(body: Buffer, contentType: string, length: number): Promise<number | undefined> {
  const head = [
    'POST /api/send HTTP/1.1',
    'Host: 127.0.0.1',
    `Authorization: Bearer ${measured.client.key}`,
    ...(contentType ? [`Content-Type: ${contentType}`] : []),
    `Content-Length: ${Math.max(0, length)}`,
    'Connection: close',
    '\r\n',
  ].join('\r\n');
  return new Promise((resolve) => {
    const socket = connect({ port: measured.port, host: '127.0.0.1', allowHalfOpen: true });
    let heard = '';
    socket.on('data', (piece) => {
      heard += piece.toString('latin1');
    });
    socket.on('error', () => {});
    socket.on('end', () => socket.destroy());
    socket.on('close', () => resolve(Number(/^HTTP\/1\.1 (\d{3})/.exec(heard)?.[1]) || undefined));
    socket.write(head);
    socket.write(body);
    // Who closes before it has said all gets no answer to what it said: only a body that is too short ends so.
    if (length > body.length) socket.end();
  });
}

/** @returns how many requests were answered with each status. */
async function round(seed: number): Promise<Map<number | undefined, number>> {
  const statuses = new Map<number | undefined, number>();
  await fc.assert(
    fc.asyncProperty(request, async ({ body, damage, contentType, lengthError }) => {
      const damaged = damage(body);
      const status = await post(damaged, contentType, damaged.length + lengthError);
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
      expect(status ?? 0).toBeLessThan(500);
    }),
    // What fails is shown as it is: to make it smaller would take longer than the test may.
    { numRuns: RUNS, seed, endOnFailure: true },
  );
  return statuses;
}

/** What the process holds when nobody asks anything of it. */
async function held(): Promise<{ readonly bytes: number; readonly handles: number }> {
  measured.process.send('held');
  const [answer] = (await once(measured.process, 'message')) as [{ bytes: number; handles: number }];
  return answer;
}

it('survives eight hundred bodies that nobody means, holds nothing of them, and stores whole e-mails or nothing', {
  timeout: patient(120_000),
}, async () => {
  const first = await round(1);
  const before = await held();
  const second = await round(2);

  expect(measured.process.exitCode).toBeNull();
  const accepted = (first.get(200) ?? 0) + (second.get(200) ?? 0);
  expect(accepted).toBeGreaterThan(0);
  const whole = { emails: accepted, email_events: accepted, email_queue: accepted, idempotency_keys: 0 };
  // Awaited: an answer can be given before the last chunk of what was refused is removed.
  await expect.poll(async () => await storedRows(measured.db)).toMatchObject(whole);
  const staged = () =>
    measured.db
      .selectFrom('attachment_chunks as c')
      .leftJoin('attachments as a', 'a.email_id', 'c.email_id')
      .select((eb) => eb.fn.countAll<number>().as('count'))
      .where('a.email_id', 'is', null)
      .executeTakeFirstOrThrow();
  await expect.poll(async () => (await staged()).count).toBe(0);

  await expect.poll(async () => (await held()).handles).toBeLessThanOrEqual(before.handles + 2);
  expect((await held()).bytes - before.bytes).toBeLessThan(8 * MB);
  console.info(`statuses ${JSON.stringify([...first, ...second])}, before ${JSON.stringify(before)}`);
});
