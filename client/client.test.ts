import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { patient } from '../test/support/patience.js';
import { NoAnswerError, ProblemError, Tempost, type TempostOptions, UnexpectedAnswerError } from './index.js';

const MAIL = { sender: 'shop@example.com', receiver: 'ada@example.org', subject: 'Order', content: 'It is sent.' };
const ACCEPTED = { id: '019a0000-0000-7000-8000-000000000000', status: 'queued', priority: 'medium' };

type Answer = (response: ServerResponse, request: IncomingMessage) => void;
const json =
  (status: number, body: object, headers = {}): Answer =>
  (response) =>
    void response.writeHead(status, headers).end(JSON.stringify(body));
const problem = (status: number, code: string, headers = {}) =>
  json(status, { status, code, detail: 'No.', errors: [{ field: 'a', code: 'b', message: 'c' }] }, headers);
const breakOff: Answer = (response) => void response.destroy();
const now = { 'Retry-After': '0' };

const ends: (() => void)[] = [];
afterEach(() => {
  for (const end of ends.splice(0)) end();
});

/** A server that gives these answers one after the other, the last one for ever. */
async function serve(answers: readonly Answer[], options: Partial<TempostOptions> = {}) {
  const requests: { method: string; url: string; key: string; body: string; type: string }[] = [];
  const server = createServer(async (request, response) => {
    const pieces: Buffer[] = [];
    for await (const piece of request) pieces.push(piece as Buffer);
    const { method = '', url = '', headers } = request;
    const key = String(headers['idempotency-key'] ?? '');
    requests.push({ method, url, key, body: Buffer.concat(pieces).toString(), type: headers['content-type'] ?? '' });
    answers[Math.min(requests.length, answers.length) - 1]!(response, request);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  ends.push(() => {
    server.closeAllConnections();
    server.close();
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  return { client: new Tempost({ url, apiKey: 'tp_key', backoffMs: 1, ...options }), requests };
}
const failureOf = (promise: Promise<unknown>) =>
  promise.then(
    () => expect.unreachable('it resolved'),
    (error: unknown) => error,
  );

describe('send', () => {
  it.each([
    ['a broken connection', breakOff],
    ['503', problem(503, 'database_unavailable', now)],
    ['429', problem(429, 'rate_limited', now)],
    ['a proxy’s 502', json(502, {})],
    ['the key being in flight', problem(409, 'idempotency_key_in_flight', now)],
  ])('is repeated after %s, under the same key', async (_, trouble) => {
    const { client, requests } = await serve([trouble, trouble, json(200, ACCEPTED)]);
    expect(await client.send(MAIL)).toEqual(ACCEPTED);
    expect(requests).toHaveLength(3);
    expect(requests[0]!.key).toMatch(/^[0-9a-f]{32}$/);
    expect(new Set(requests.map(({ key }) => key)).size).toBe(1);
  });

  it('has another key for each call, or the one that is given', async () => {
    const { client, requests } = await serve([json(200, ACCEPTED)]);
    for (const options of [{}, {}, { idempotencyKey: 'order-1' }]) await client.send(MAIL, options);
    expect(new Set(requests.map(({ key }) => key)).size).toBe(3);
    expect(requests[2]!.key).toBe('order-1');
  });

  it('is not repeated when it is refused for good', async () => {
    for (const trouble of [problem(422, 'invalid_fields'), problem(401, 'invalid_api_key')]) {
      const { client, requests } = await serve([trouble]);
      const error = await failureOf(client.send(MAIL));
      expect(error).toBeInstanceOf(ProblemError);
      expect(error).toMatchObject({ attempts: 1, errors: [{ field: 'a', code: 'b', message: 'c' }] });
      expect(requests).toHaveLength(1);
    }
  });

  it('does not wait for a limit that ends at midnight', async () => {
    const { client, requests } = await serve([problem(429, 'daily_limit_reached', { 'Retry-After': '40000' })]);
    expect(await failureOf(client.send(MAIL))).toMatchObject({
      code: 'daily_limit_reached',
      retryAfterMs: 40_000_000,
    });
    expect(requests).toHaveLength(1);
  });

  it('gives up after as many tries as it may make, and tells the key', async () => {
    const { client, requests } = await serve([breakOff]);
    const error = await failureOf(client.send(MAIL, { retries: 2 }));
    expect(error).toBeInstanceOf(NoAnswerError);
    expect(error).toMatchObject({ attempts: 3, idempotencyKey: requests[0]!.key });
    expect(requests).toHaveLength(3);
  });

  it('writes every field as the form has it', async () => {
    const { client, requests } = await serve([json(200, ACCEPTED)]);
    await client.send({
      ...MAIL,
      tags: ['a', 'b'],
      metadata: { order: 1 },
      send_at: new Date('2030-01-01T00:00:00Z'),
      attachment: { filename: 'a.txt', content: new Uint8Array([104, 105]), contentType: 'text/plain' },
    });
    const form = await new Response(requests[0]!.body, { headers: { 'Content-Type': requests[0]!.type } }).formData();
    const { attachment, ...texts } = Object.fromEntries(form);
    expect(texts).toEqual({ ...MAIL, tags: 'a,b', metadata: '{"order":1}', send_at: '2030-01-01T00:00:00.000Z' });
    expect(attachment).toMatchObject({ name: 'a.txt', type: 'text/plain' });
    expect(await (attachment as File).text()).toBe('hi');
    expect(await failureOf(client.send({ ...MAIL, tags: ['a,b'] }))).toBeInstanceOf(TypeError);
    expect(requests).toHaveLength(1);
  });
});

describe('other requests', () => {
  it('are repeated when they only read', async () => {
    const { client, requests } = await serve([
      breakOff,
      problem(503, 'database_unavailable', now),
      json(200, ACCEPTED),
    ]);
    expect(await client.get('a/b')).toEqual(ACCEPTED);
    expect(requests.map(({ url }) => url)).toEqual(Array(3).fill('/api/email/a%2Fb'));
  });

  it('that change something are repeated only when a rate limit has refused them', async () => {
    const limited = await serve([problem(429, 'rate_limited', now), json(200, ACCEPTED)]);
    await limited.client.cancel('a');
    expect(limited.requests).toHaveLength(2);
    const broken = await serve([breakOff]);
    expect(await failureOf(broken.client.cancel('a'))).toBeInstanceOf(NoAnswerError);
    expect(broken.requests).toHaveLength(1);
  });

  it('end at their time-out, and at once when they are aborted', async () => {
    const { client, requests } = await serve([() => {}]);
    const late = await failureOf(client.get('a', { timeoutMs: 20, retries: 1 }));
    expect(late).toMatchObject({ code: 'timeout', attempts: 2 });
    const reason = new Error('enough');
    expect(await failureOf(client.get('a', { signal: AbortSignal.abort(reason) }))).toBe(reason);
    const ending = new AbortController();
    const asked = failureOf(client.get('b', { signal: ending.signal }));
    // On a busy machine those that were too late may not even have arrived.
    await expect
      .poll(() => requests.some(({ url }) => url === '/api/email/b'), { timeout: patient(20_000) })
      .toBe(true);
    ending.abort(reason);
    expect(await asked).toBe(reason);
  });

  it('say plainly when another program answers', async () => {
    for (const status of [200, 404]) {
      const { client } = await serve([(response) => void response.writeHead(status).end('<h1>Hello</h1>')]);
      expect(await failureOf(client.get('a'))).toBeInstanceOf(UnexpectedAnswerError);
    }
  });

  it('refuse an address or a key that cannot be one', () => {
    expect(() => new Tempost({ url: 'nowhere', apiKey: 'a' })).toThrow(TypeError);
    expect(() => new Tempost({ url: 'http://127.0.0.1', apiKey: 'two words' })).toThrow(TypeError);
  });
});

describe('list', () => {
  it('reads page after page, and only those that are asked for', async () => {
    const page = (address: string, next_cursor: string | null) =>
      json(200, { suppressions: [{ address }], next_cursor });
    const { client, requests } = await serve([page('a', 'x'), page('b', null)]);
    const found: string[] = [];
    for await (const { address } of client.list('listSuppressions', { reason: 'manual' })) found.push(address);
    expect(found).toEqual(['a', 'b']);
    expect(requests.map(({ url }) => url)).toEqual([
      '/api/suppressions?reason=manual',
      '/api/suppressions?reason=manual&cursor=x',
    ]);
    const again = await serve([page('a', 'x')]);
    for await (const _ of again.client.list('listSuppressions', {})) break;
    expect(again.requests).toHaveLength(1);
  });
});

describe('follow', () => {
  const email = (status: string) => json(200, { ...ACCEPTED, status, events: [{ type: status }] });
  async function followed(statuses: readonly string[], until?: string) {
    const { client, requests } = await serve(statuses.map(email));
    const seen: string[] = [];
    for await (const { status } of client.follow('a', { until, intervalMs: 1 })) seen.push(status);
    return { seen, asked: requests.length };
  }

  it('yields what changed, until the end', async () => {
    expect(await followed(['queued', 'queued', 'sent', 'delivered', 'opened'])).toEqual({
      seen: ['queued', 'sent', 'delivered'],
      asked: 4,
    });
  });

  it('goes on to a state that may still come, and ends when it cannot', async () => {
    expect((await followed(['delivered', 'delivered', 'opened', 'clicked'], 'opened')).seen).toEqual([
      'delivered',
      'opened',
    ]);
    expect((await followed(['queued', 'failed', 'delivered'], 'opened')).seen).toEqual(['queued', 'failed']);
    expect((await followed(['queued', 'sent', 'delivered'], 'sent')).seen).toEqual(['queued', 'sent']);
  });
});
