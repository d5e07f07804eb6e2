import { sql } from 'kysely';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../test/support/database.js';
import { insertQueuedEmail } from '../../test/support/emails.js';
import { loadConfig } from '../config.js';
import { SHIPPED_STATUSES } from '../domain/emails/statuses.js';
import type { Provider } from '../providers/registry.js';
import type { ActivityDependencies } from './dependencies.js';
import { sendOnce } from './send.js';
import type { SendRequest } from './types.js';

/** A provider that never answers in time, on the real record. */
const silent: Partial<Provider> = { name: 'smtp', send: async () => ({ kind: 'ambiguous', code: 'timeout' }) };

let database: TestDatabase;
let send: (request: SendRequest) => ReturnType<typeof sendOnce>;
beforeAll(async () => {
  database = await createTestDatabase();
  const config = loadConfig({
    ...{ DATABASE_URL: database.url, PROVIDERS: 'smtp', SMTP_URL: 'smtp://127.0.0.1:9', STORAGE_DIR: '/nowhere' },
  });
  const dependencies = {
    ...{ db: database.db, config, catalogue: SHIPPED_STATUSES, priority: 'critical' },
    providers: new Map([['smtp', silent]]),
    logger: pino({ level: 'silent' }),
  };
  send = (request) => sendOnce(dependencies as unknown as ActivityDependencies, request);
});
afterAll(() => database.drop());

async function sendOf(contentBytes: number) {
  const emailId = await insertQueuedEmail(database.db, { state: 'in_flight', priority: 'critical' });
  await sql`update emails set content = repeat('x', ${contentBytes}::int) where id = ${emailId}`.execute(database.db);
  const request = { emailId, generation: 1, provider: 'smtp', hasAttachment: false } as const;
  return send({ ...request, dispatchedAtMs: Date.now(), lastOfRound: true });
}
const failures = async () => {
  const health = database.db.selectFrom('provider_health').select('failures').where('provider', '=', 'smtp');
  return (await health.executeTakeFirstOrThrow()).failures;
};

it('a large message that took too long is no failure of its provider, a small one is', async () => {
  for (let n = 0; n < 8; n++) expect(await sendOf(2 * 1024 * 1024)).toMatchObject({ kind: 'ambiguous' });
  expect(await failures()).toBe(0);
  expect(await sendOf(100)).toMatchObject({ kind: 'ambiguous' });
  expect(await failures()).toBe(1);
});
