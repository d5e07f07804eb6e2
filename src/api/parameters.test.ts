import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { startTestApi, type TestApi } from '../../test/support/api.js';
import { insertClient } from '../../test/support/database.js';
import { insertDeadEmail } from '../../test/support/dead.js';
import { answerOf } from '../../test/support/record.js';
import { ROUTES as DECLARED } from './routes.js';
import { koaPath } from './routing/mount.js';

let api: TestApi;
let operator: string;
let emailId: string;
let clientId: string;
beforeAll(async () => {
  api = await startTestApi();
  ({ key: operator } = await insertClient(api.db, { operator: true }));
  ({ id: clientId } = await insertClient(api.db));
  emailId = await insertDeadEmail(api.db, { clientId });
});
afterAll(() => api.stop());

/** The fields of an object's schema. */
const fieldsOf = (schema: z.ZodType | undefined): string[] =>
  schema instanceof z.ZodObject ? Object.keys(schema.shape) : [];

/** Every route, with the parameters that its query or its body may have; one that nobody knows where there is none. */
const ROUTES = DECLARED.map((route) => {
  const { body, query } = route;
  const form = body?.kind === 'streamed' ? body.content['multipart/form-data']?.schema : body?.schema;
  const fields = [...fieldsOf(query), ...fieldsOf(form)].filter((field) => field !== 'attachment');
  return [route.method.toUpperCase(), koaPath(route), fields.length > 0 ? fields : ['x']] as const;
});

const TIMES = [
  '2026-01-01 00:00:00+00',
  '2026-01-01 00:00:00+99',
  '2026-01-01T00:00:00.123456Z',
  '2026-01-01T00:00:00.123456+00:00',
  '2026-13-45T00:00:00.000000Z',
  '2026-02-30T00:00:00.000000Z',
  '2026-01-01T24:00:00.000000Z',
  '2026-01-01T23:59:60.000000Z',
  '0000-01-01T00:00:00.000000Z',
  '0000-01-01T00:00:00Z',
  '9999-12-31T23:59:59-23:59',
  '2026-01-01T00:00:00+99:99',
  '+275760-09-13T00:00:00Z',
  'infinity',
];
const NUMBERS = ['0', '-1', '1.5', '1e-300', '1e300', '1e999', '-0', '99999999999999999999', 'NaN', 'Infinity', '0x10'];
const TEXTS = ['', ' ', '\0', 'a\0b', '\u0085', '\ud800', '\u2028', "'; --", '%', '%00', '..', '[]', '{}', '__proto__'];
const WORDS = ['low', 'all', 'mailgun', 'smtp', 'open', 'constructor', 'a@example.org', 'example.org'];
const IDS = ['019a0000-0000-7000-8000-000000000000', 'FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF', '0'.repeat(36)];

const text = fc.oneof(
  fc.constantFrom(...TIMES, ...NUMBERS, ...TEXTS, ...WORDS, ...IDS),
  fc.constant('x'.repeat(3_000)),
  fc.string({ unit: 'binary', maxLength: 40 }),
);
const known = fc.constant(null).map(() => emailId);
const knownClient = fc.constant(null).map(() => clientId);
const segment = fc.oneof(known, knownClient, text);
const cursor = fc
  .record({
    name: text,
    address: text,
    diedAt: fc.oneof(fc.constantFrom(...TIMES), text),
    emailId: fc.oneof(known, text),
  })
  .map((place) => Buffer.from(JSON.stringify(place)).toString('base64url'));
const number = fc.oneof(
  fc.constantFrom(0, -1, 1.5, 1e-300, 1e-45, 1e-20, 1e-9, 1e300, 2 ** 31, 2 ** 53, 2 ** 63, 0.01, 9_999.999),
  fc.double({ noNaN: true }),
);
const json = fc.oneof(
  text,
  number,
  fc.boolean(),
  fc.constantFrom(null, [], {}, [[]]),
  fc.record({ critical: number, medium: number, low: number }, { requiredKeys: [] }),
);

/** A request of a route, with values that nobody means. */
function requestOf([method, path, parameters]: (typeof ROUTES)[number]) {
  const names = path.match(/:\w+/g) ?? [];
  const segments = fc.tuple(...names.map(() => segment));
  const inQuery = method === 'GET' || method === 'DELETE';
  const value = (name: string) =>
    name === 'cursor' ? fc.oneof(cursor, text) : inQuery || path === '/api/send' ? text : json;
  const record = Object.fromEntries(parameters.map((name) => [name, value(name)]));
  // One after the other, mostly: the first that is wrong would hide the others.
  const some = fc.oneof(
    fc.constantFrom(...parameters).chain((name) => fc.record({ [name]: record[name]! })),
    fc.record(record),
  );
  return fc.record({ segments, values: some as fc.Arbitrary<Record<string, unknown>>, reason: fc.boolean() });
}

async function call(
  [method, path]: (typeof ROUTES)[number],
  request: { segments: string[]; values: object; reason: boolean },
) {
  let next = 0;
  const at = path.replace(/:\w+/g, () => encodeURIComponent(Buffer.from(request.segments[next++]!).toString()));
  const headers: Record<string, string> = { Authorization: `Bearer ${operator}` };
  if (method === 'GET' || method === 'DELETE') {
    return fetch(`${api.url}${at}?${new URLSearchParams(request.values as Record<string, string>)}`, {
      method,
      headers,
    });
  }
  if (path === '/api/send') {
    const form = new FormData();
    const valid = { sender: 'a@example.com', receiver: 'b@example.org', subject: 's', content: 'c' };
    for (const [name, value] of Object.entries({ ...valid, ...request.values })) form.append(name, String(value));
    return fetch(`${api.url}${at}`, { method, headers, body: form });
  }
  // A reason is asked for beside what it is about.
  const values =
    request.reason && path.startsWith('/api/admin') ? { ...request.values, reason: 'test' } : request.values;
  headers['Content-Type'] = 'application/json';
  return fetch(`${api.url}${at}`, { method, headers, body: JSON.stringify(values) });
}

describe('whatever a parameter holds, the answer is none of 500', () => {
  it.each(ROUTES)('%s %s %j', async (...route) => {
    await fc.assert(
      fc.asyncProperty(requestOf(route), async (request) => {
        const response = await call(route, request);
        const answer = await response.text();
        expect(response.status, `${JSON.stringify(request)} ${answer}`).toBeLessThan(500);
      }),
      { numRuns: 60 },
    );
  });
});

describe('a value out of range is refused as one', () => {
  it.each(['+99', '+15:60', ' BC', ''])('a time ending in %j in a cursor of dead letters', async (end) => {
    const place = { diedAt: `2026-01-01 00:00:00.000001${end}`, emailId };
    const cursorOf = Buffer.from(JSON.stringify(place)).toString('base64url');
    expect(await answerOf(await api.get(`/api/dead-letters?cursor=${cursorOf}`, operator))).toEqual([
      422,
      'invalid_fields',
    ]);
  });

  it.each(['/api/email/%E0%A4%A', '/api/suppressions/%FF', '/api/clients/%C0%AF/keys'])('%s', async (path) => {
    const response = await fetch(`${api.url}${path}`, { headers: { Authorization: `Bearer ${operator}` } });
    expect(response.status).toBeLessThan(500);
  });
});
