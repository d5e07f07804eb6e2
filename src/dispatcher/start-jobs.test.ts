import { sql } from 'kysely';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../test/support/database.js';
import { createTestNamespace, type TestNamespace } from '../../test/support/temporal.js';
import { beginJob, findJob, resumeJob } from '../domain/jobs/jobs.js';
import { startJobs } from './start-jobs.js';

let database: TestDatabase;
let temporal: TestNamespace;
beforeAll(async () => {
  [database, temporal] = await Promise.all([createTestDatabase(), createTestNamespace()]);
});
afterAll(async () => {
  await temporal?.drop();
  await database?.drop();
});
afterEach(async () => {
  await database.db.deleteFrom('jobs').execute();
});

const start = () => startJobs({ db: database.db, client: temporal.client, logger: pino({ level: 'silent' }) });
const begin = async () => (await beginJob(database.db, { kind: 'cancel', parameters: {}, reason: 'x', ratePerS: 1 }))!;
const workflowOf = (id: string) => temporal.client.workflow.getHandle(`job-${id}`);
/** As after half a minute in which nobody worked on it. */
const fallSilent = () =>
  sql`update jobs set workflow_started_at = now() - interval '1 minute', created_at = now() - interval '2 minutes',
    progressed_at = null`.execute(database.db);

describe('the dispatcher', () => {
  it('starts a job’s workflow once, which holds its id alone', async () => {
    const id = await begin();
    await start();
    const { runId, taskQueue } = await workflowOf(id).describe();
    expect(taskQueue).toBe('jobs');
    await Promise.all([start(), start()]);
    await fallSilent();
    await start();
    expect(await workflowOf(id).describe()).toMatchObject({ runId });
    const { events } = await workflowOf(id).fetchHistory();
    const [input] = events![0]!.workflowExecutionStartedEventAttributes!.input!.payloads!;
    expect(JSON.parse(Buffer.from(input!.data!).toString())).toEqual({ jobId: id });
  });

  it('starts it again when Temporal has lost it', async () => {
    const id = await begin();
    await sql`update jobs set workflow_started_at = now()`.execute(database.db);
    await start();
    await expect(workflowOf(id).describe()).rejects.toThrow(/not found/i);
    await fallSilent();
    await start();
    expect((await workflowOf(id).describe()).status.name).toBe('RUNNING');
  });

  it('takes one that was ended in Temporal for stopped, says so in the audit, and starts it when it is resumed', async () => {
    const id = await begin();
    await start();
    await workflowOf(id).terminate('enough');
    await fallSilent();
    await start();
    expect(await findJob(database.db, id)).toMatchObject({ state: 'stopped' });
    const acts = await database.db.selectFrom('audit_log').selectAll().where('target_id', '=', id).execute();
    expect(acts).toMatchObject([{ source: 'temporal', action: 'job.stop', target_kind: 'job' }]);
    expect(await resumeJob(database.db, id)).toBe('resumed');
    await start();
    expect((await workflowOf(id).describe()).status.name).toBe('RUNNING');
  });
});
