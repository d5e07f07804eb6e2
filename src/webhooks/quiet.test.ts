import { pino } from 'pino';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../test/support/database.js';
import {
  cuttableDatabase,
  insertEmail,
  mailgunBody,
  mailgunEvent,
  NO_TEMPORAL,
  postMailgun,
  startTestWebhooks,
  type TestWebhooks,
} from '../../test/support/webhooks.js';

const WEBHOOKS = 30;

let database: TestDatabase;
let wire: Awaited<ReturnType<typeof cuttableDatabase>>;
let service: TestWebhooks;
const lines: Record<string, unknown>[] = [];
beforeAll(async () => {
  database = await createTestDatabase();
  wire = await cuttableDatabase(database.url);
  const logger = pino({ level: 'info' }, { write: (line: string) => void lines.push(JSON.parse(line)) });
  service = await startTestWebhooks({ databaseUrl: wire.url, temporalAddress: NO_TEMPORAL, logger });
});
afterAll(async () => {
  wire.close();
  await database.drop();
});

const post = async (count: number, body: () => Promise<string>) =>
  Promise.all(Array.from({ length: count }, async () => (await postMailgun(service.url, await body())).status));
const event = async () => mailgunBody(mailgunEvent(await insertEmail(database.db, []), 'delivered'));

it('trouble is a line when it begins and one when it ends, however many webhooks meet it, and says what and how often', async () => {
  expect(await post(1, event)).toEqual([200]);
  wire.cut();
  expect(new Set(await post(WEBHOOKS, event))).toEqual(new Set([503]));
  expect(new Set(await post(WEBHOOKS, async () => '{"event-data":{}}'))).toEqual(new Set([401]));
  expect(new Set(await post(WEBHOOKS, async () => 'x'))).toEqual(new Set([400]));
  wire.mend();
  expect(new Set(await post(WEBHOOKS, event))).toEqual(new Set([200]));
  await service.stop();

  // Each webhook that is stored is a line of its e-mail's life; what is said of trouble is said once.
  expect(lines.filter(({ msg }) => msg === 'webhook')).toHaveLength(1 + WEBHOOKS);
  const said = lines
    .filter(({ msg }) => msg !== 'webhook')
    .map(({ msg, code }) => [msg, code].filter(Boolean).join(' '));
  expect(said.filter((line) => line === 'turned away database_unavailable')).toHaveLength(1);
  expect(said.filter((line) => line === 'refused bad_signature')).toHaveLength(1);
  expect(said.filter((line) => line === 'refused not_understood')).toHaveLength(1);
  expect(new Set(said).size).toBe(said.length);
  expect(
    lines.find(({ msg, code }) => msg === 'turned away: goes on' && code === 'database_unavailable'),
  ).toMatchObject({
    times: WEBHOOKS,
  });
  expect(JSON.stringify(lines)).not.toMatch(/node_modules|\.ts:\d/);
});
