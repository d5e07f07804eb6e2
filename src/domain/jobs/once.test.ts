import fc from 'fast-check';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, insertClient, type TestDatabase } from '../../../test/support/database.js';
import { insertDeadEmail } from '../../../test/support/dead.js';
import { patient } from '../../../test/support/patience.js';
import { type Db, openDatabase } from '../../postgres/database.js';
import { uuidFloor } from '../../postgres/partitions.js';
import type { ObjectStore } from '../../storage/object-store.js';
import { SHIPPED_STATUSES } from '../emails/statuses.js';
import { beginJob, findJob, resumeJob, stopJob } from './jobs.js';
import type { RetryParameters } from './kinds/retry.js';
import { runSlice } from './run-slice.js';

let database: TestDatabase;
let killable: Db;
beforeAll(async () => {
  database = await createTestDatabase();
  killable = openDatabase({ url: database.url, poolSize: 6, name: 'killable', logger: { warn: () => {} } });
});
afterAll(async () => {
  await killable?.destroy();
  await database?.drop();
});

const context = (db: Db) => ({
  db,
  catalogue: SHIPPED_STATUSES,
  deadlineMs: { critical: 15_000, medium: 900_000, low: 3_600_000 },
  providers: ['mailgun', 'mandrill'] as const,
  tell: () => {},
  // No kind of these touches it.
  store: {} as ObjectStore,
  wake: () => {},
});

/** What a `kill -9` of a worker is to the database: its connections are gone, in whatever transaction. */
const kill = () =>
  sql`select pg_terminate_backend(pid) from pg_stat_activity
    where datname = current_database() and application_name like '%killable%'`.execute(database.db);

const range = { from: uuidFloor(new Date(0)), before: uuidFloor(new Date(Date.now() + 86_400_000)) };

/** One thing that may befall a job on its way. */
const mishap = fc.record({
  /** How long a slice goes on before. */
  afterMs: fc.integer({ min: 0, max: 60 }),
  kind: fc.constantFrom('abort', 'kill', 'stop', 'none'),
  /** Slices that go on beside each other, as when a worker is taken for dead. */
  beside: fc.integer({ min: 1, max: 3 }),
});

async function suffer(jobId: string, { afterMs, kind, beside }: { afterMs: number; kind: string; beside: number }) {
  const abort = new AbortController();
  const slices = Array.from({ length: beside }, () =>
    runSlice(context(killable), jobId, { sliceMs: 200, signal: abort.signal }).catch(() => {}),
  );
  await new Promise((resolve) => setTimeout(resolve, afterMs));
  if (kind === 'abort') abort.abort();
  if (kind === 'kill') await kill();
  if (kind === 'stop') await stopJob(database.db, jobId);
  await Promise.all(slices);
  if (kind === 'stop') await resumeJob(database.db, jobId);
}

describe('a job', () => {
  it(
    'does every item once, however often it is cut off, stopped, killed, or done by several at once',
    async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.integer({ min: 1, max: 25 }),
          fc.array(mishap, { maxLength: 4 }),
          async (count, mishaps) => {
            const { id: clientId } = await insertClient(database.db);
            const ids: string[] = [];
            for (let n = 0; n < count; n++) ids.push(await insertDeadEmail(database.db, { clientId }));
            const parameters: RetryParameters = { selection: { filter: { clientId }, statuses: ['dead'], range } };
            const jobId = await beginJob(database.db, { kind: 'retry', parameters, reason: 'test', ratePerS: 500 });
            for (const each of mishaps) await suffer(jobId!, each);
            const signal = new AbortController().signal;
            while ((await findJob(database.db, jobId!))!.state !== 'done') {
              await runSlice(context(database.db), jobId!, { sliceMs: 1_000, signal });
            }
            const job = (await findJob(database.db, jobId!))!;
            expect(job).toMatchObject({ matched: count, counts: { pending: 0, done: count, skipped: {}, failed: {} } });
            const { rows } = await sql<{ generation: number; retried: number }>`
            select e.generation, (select count(*) from email_events v where v.email_id = e.id
              and v.metadata ->> 'job' = ${jobId}) as retried
            from emails e where e.id = any(${ids}::uuid[])`.execute(database.db);
            expect(rows).toEqual(ids.map(() => ({ generation: 2, retried: 1 })));
          },
        ),
        { numRuns: 15 },
      );
    },
    patient(120_000),
  );
});
