import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sendForm, startTestApi, type TestApi } from '../../../test/support/api.js';
import { insertClient, type TestClient } from '../../../test/support/database.js';
import { apiConfig } from '../../../test/support/measured/api-config.js';
import { answerOf } from '../../../test/support/record.js';
import { startApi } from '../server.js';

let api: TestApi;
/** Another process on the same database; behind a proxy on this machine. */
let other: Awaited<ReturnType<typeof startApi>>;
beforeAll(async () => {
  api = await startTestApi();
  other = await startApi(apiConfig(api.databaseUrl, { trustedProxies: ['127.0.0.1'] }), pino({ level: 'silent' }));
});
afterAll(async () => {
  await other.stop();
  await api.stop();
});

/** Rates at which nothing comes back during a test. */
const sends = (burst: number) => ({ send_rate: 0.001, send_burst: burst });
const reads = (burst: number) => ({ read_rate: 0.001, read_burst: burst });
const ports = () => [api.port, other.port];
function ask(
  client: Pick<TestClient, 'key'>,
  port = api.port,
  headers: Record<string, string> = {},
): Promise<Response> {
  const all = { Authorization: `Bearer ${client.key}`, ...headers };
  return fetch(`http://127.0.0.1:${port}/api/suppressions`, { headers: all });
}
const submit = (client: TestClient, port = api.port) =>
  fetch(`http://127.0.0.1:${port}/api/send`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${client.key}` },
    body: sendForm(),
  });

describe('a client without limits', () => {
  it('is told nothing of any', async () => {
    const answer = await ask(await insertClient(api.db));
    expect([answer.headers.get('ratelimit'), answer.headers.get('ratelimit-policy')]).toEqual([null, null]);
  });
});

describe('a client with limits', () => {
  it('is told what it may and what is left, with each answer, and when there is more once it is refused', async () => {
    const client = await insertClient(api.db, { columns: reads(3) });
    const left: (string | null)[] = [];
    for (let count = 0; count < 3; count++) {
      const answer = await ask(client);
      expect([answer.status, answer.headers.get('ratelimit-policy')]).toEqual([200, '"client-read";q=3;w=3000']);
      left.push(/^"client-read";r=(\d);t=\d+$/.exec(answer.headers.get('ratelimit') ?? '')?.[1] ?? null);
    }
    expect(left).toEqual(['2', '1', '0']);
    for (let count = 0; count < 2; count++) {
      const refused = await ask(client);
      expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(900);
      expect(refused.headers.get('ratelimit')).toMatch(/^"client-read";r=0;t=\d+$/);
      expect(await answerOf(refused)).toEqual([429, 'rate_limited']);
    }
  });

  it('reads whatever it sends, and the other way round', async () => {
    const client = await insertClient(api.db, { columns: { ...sends(1), ...reads(1) } });
    const statuses = [await submit(client), await submit(client), await ask(client), await ask(client)];
    expect(statuses.map(({ status }) => status)).toEqual([200, 429, 200, 429]);
  });

  it('shares them among its keys, of which each can have less', async () => {
    const client = await insertClient(api.db, { columns: reads(5) });
    const operator = await insertClient(api.db, { operator: true });
    const body = { rate_limits: { read: { rate: 0.01, burst: 2 } } };
    const made = await api.post(`/api/clients/${client.id}/keys`, body, operator.key);
    const less = (await made.json()) as TestClient;
    const first = await ask(less);
    expect(first.headers.get('ratelimit-policy')).toBe('"key-read";q=2;w=200, "client-read";q=5;w=5000');
    const statuses = [await ask(less), await ask(less), await ask(client), await ask(client), await ask(client)];
    expect(statuses.map(({ status }) => status)).toEqual([200, 429, 200, 200, 200]);
    expect((await ask(client)).status).toBe(429);
  });

  it('has them in all processes together, within a twentieth, while another client is not limited by it', async () => {
    const client = await insertClient(api.db, { columns: reads(200) });
    const quiet = await insertClient(api.db, { columns: reads(10) });
    const flood = Array.from({ length: 400 }, (_, n) => ask(client, ports()[n % 2]));
    const others = await Promise.all(Array.from({ length: 10 }, (_, n) => ask(quiet, ports()[n % 2])));
    expect(others.map(({ status }) => status)).toEqual(Array(10).fill(200));
    const admitted = (await Promise.all(flood)).filter(({ status }) => status === 200).length;
    expect(admitted).toBeGreaterThanOrEqual(190);
    expect(admitted).toBeLessThanOrEqual(210);
  });

  it('stores nothing of what is refused', async () => {
    const client = await insertClient(api.db, { columns: sends(2) });
    const statuses = (await Promise.all(Array.from({ length: 6 }, () => submit(client)))).map(({ status }) => status);
    expect(statuses.sort()).toEqual([200, 200, 429, 429, 429, 429]);
    const stored = await api.db.selectFrom('emails').select('id').where('client_id', '=', client.id).execute();
    expect(stored).toHaveLength(2);
  });

  it('has other ones as soon as an operator says so', async () => {
    const client = await insertClient(api.db, { columns: sends(1) });
    const operator = await insertClient(api.db, { operator: true });
    expect([(await submit(client)).status, (await submit(client)).status]).toEqual([200, 429]);
    const headers = { Authorization: `Bearer ${operator.key}`, 'Content-Type': 'application/json' };
    const change = { rate_limits: { send: { rate: 1_000 } } };
    const at = `${api.url}/api/clients/${client.id}`;
    const changed = await fetch(at, { method: 'PATCH', headers, body: JSON.stringify(change) });
    const rate_limits = { send: { rate: 1_000, burst: 2_000 }, read: null };
    expect(await changed.json()).toMatchObject({ rate_limits });
    expect((await submit(client, other.port)).status).toBe(200);
    // The process that has just refused it looks again within a second.
    await expect.poll(async () => (await submit(client)).status).toBe(200);
  });
});

describe('an address that sends wrong keys', () => {
  it('is refused by itself, while keys that were right go on, and so do other addresses', async () => {
    const from = (address: string) => ({ 'X-Forwarded-For': address });
    const guess = (n: number, address: string) => ask({ key: `guess-${n}` }, other.port, from(address));
    const client = await insertClient(api.db);
    expect((await ask(client, other.port, from('203.0.113.9'))).status).toBe(200);
    const guesses = await Promise.all(Array.from({ length: 150 }, (_, n) => guess(n, '203.0.113.9')));
    expect(guesses.filter(({ status }) => status === 401).length).toBeGreaterThanOrEqual(100);
    const refused = await guess(151, '203.0.113.9');
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(await answerOf(refused)).toEqual([429, 'rate_limited']);
    expect((await ask(client, other.port, from('203.0.113.9'))).status).toBe(200);
    expect((await guess(152, '203.0.113.10')).status).toBe(401);
  });

  it('is the address that a trusted proxy saw, and an allowed one comes through it', async () => {
    const client = await insertClient(api.db, { keyColumns: { allowed_addresses: ['192.0.2.0/24'] } });
    const status = async (address: string, port = other.port) =>
      (await ask(client, port, { 'X-Forwarded-For': address })).status;
    expect(await status('192.0.2.7')).toBe(200);
    expect(await status('192.0.2.7, 198.51.100.1')).toBe(403);
    expect(await status('192.0.2.7', api.port)).toBe(403);
  });
});
