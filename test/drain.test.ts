import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startApi } from '../src/api/server.js';
import { sendForm, storedRows } from './support/api.js';
import { createTestDatabase, insertClient, type TestDatabase } from './support/database.js';
import { apiConfig } from './support/measured/api-config.js';
import { until } from './support/until.js';
import { mailgunBody, mailgunEvent, NO_TEMPORAL, postMailgun, startTestWebhooks } from './support/webhooks.js';

/** Long enough that all of a test happens within it, on a busy machine too; nothing waits for its end but the last line. */
const DRAIN_S = 4;

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database?.drop());

const codeOf = async (response: Response) => ((await response.json()) as { code?: string }).code;
const isRefused = (url: string) =>
  fetch(`${url}/healthz`).then(
    () => false,
    () => true,
  );

/** Told to stop: the readiness says so while everything is answered as before, and at the end nobody listens. */
async function expectDrained(url: string, stop: () => Promise<void>, request: () => Promise<Response>): Promise<void> {
  expect((await fetch(`${url}/readyz`)).status).toBe(200);
  const stopped = stop();
  const readiness = await fetch(`${url}/readyz`);
  expect([readiness.status, await codeOf(readiness)]).toEqual([503, 'stopping']);
  const response = await request();
  expect(response.status).toBe(200);
  // Whoever keeps connections is told to bring the next request elsewhere.
  expect(response.headers.get('connection')).toBe('close');
  await response.arrayBuffer();
  expect((await fetch(`${url}/healthz`)).status).toBe(200);
  await stopped;
  await until('nobody listens', () => isRefused(url));
}

describe('a service that is told to stop takes requests until load balancers have seen that it is not ready', () => {
  it('the api', async () => {
    const { key } = await insertClient(database.db);
    const config = apiConfig(database.url, { drainMs: DRAIN_S * 1000 });
    const { port, stop } = await startApi(config, pino({ level: 'silent' }));
    const url = `http://127.0.0.1:${port}`;
    await expectDrained(url, stop, () =>
      fetch(`${url}/api/send`, { method: 'POST', headers: { Authorization: `Bearer ${key}` }, body: sendForm() }),
    );
    expect((await storedRows(database.db)).emails).toBe(1);
  });

  it('the webhooks', async () => {
    const env = { databaseUrl: database.url, temporalAddress: NO_TEMPORAL, drainS: DRAIN_S };
    const { url, stop } = await startTestWebhooks(env);
    const event = mailgunBody(mailgunEvent({ id: '019ab000-0000-7000-8000-00000000ffff' }, 'delivered'));
    await expectDrained(url, stop, () => postMailgun(url, event));
  });
});
