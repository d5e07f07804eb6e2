import { sql } from 'kysely';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../test/support/database.js';
import { insertQueuedEmail } from '../../test/support/emails.js';
import { loadConfig } from '../config.js';
import { SHIPPED_STATUSES } from '../domain/emails/statuses.js';
import { exposeProcess } from '../process/metrics/registry.js';
import type { SendResult } from '../providers/provider.js';
import type { ActivityDependencies } from './dependencies.js';
import { beginCounting } from './metrics.js';
import { sendOnce } from './send.js';

let database: TestDatabase;
let answer: SendResult;
let dependencies: ActivityDependencies;
beforeAll(async () => {
  database = await createTestDatabase();
  dependencies = {
    db: database.db,
    config: loadConfig({
      DATABASE_URL: database.url,
      PROVIDERS: 'smtp',
      SMTP_URL: 'smtp://127.0.0.1:9',
      STORAGE_DIR: '/nowhere',
    }),
    catalogue: SHIPPED_STATUSES,
    providers: new Map([['smtp', { name: 'smtp', send: async () => answer }]]),
    priority: 'medium',
    logger: pino({ level: 'silent' }),
  } as unknown as ActivityDependencies;
});
afterAll(() => database.drop());

async function send(dueForS: number) {
  const emailId = await insertQueuedEmail(database.db, { state: 'in_flight' });
  await sql`update emails set due_at = now() - make_interval(secs => ${dueForS}) where id = ${emailId}`.execute(
    database.db,
  );
  await sendOnce(dependencies, {
    ...{ emailId, provider: 'smtp', hasAttachment: false },
    ...{ generation: 1, dispatchedAtMs: Date.now(), lastOfRound: true },
  });
}

it('counts calls by what they came to, and hand-overs by how long they took and whether that was too long', async () => {
  beginCounting('medium');
  const begun = await exposeProcess();
  expect(begun).toContain('tempost_late_handovers_total{priority="medium"} 0');
  expect(begun).toContain('tempost_handover_duration_seconds_count{priority="medium"} 0');
  answer = { kind: 'accepted', providerMessageId: 'one' } as SendResult;
  await send(400);
  await send(1_000);
  answer = { kind: 'unavailable', code: 'http_503' };
  await send(2_000);
  const text = await exposeProcess();
  const calls = (result: string) =>
    `tempost_provider_call_duration_seconds_count{provider="smtp",priority="medium",result="${result}"}`;
  expect(text).toContain(`${calls('accepted')} 2`);
  expect(text).toContain(`${calls('unavailable')} 1`);
  const within = (seconds: number) => `tempost_handover_duration_seconds_bucket{le="${seconds}",priority="medium"}`;
  expect(text).toContain(`${within(300)} 0`);
  expect(text).toContain(`${within(900)} 1`);
  expect(text).toContain(`${within(1800)} 2`);
  expect(text).toContain('tempost_late_handovers_total{priority="medium"} 1');
});
