import { sql } from 'kysely';
import type { Db } from '../../postgres/database.js';
import { transact } from '../../postgres/transaction.js';
import { IN_TEMPORAL, recordAct } from '../audit/record.js';

/** A job whose workflow is to be started, or looked at. */
export interface DueJob {
  readonly id: string;
  readonly kind: string;
  /** A workflow was started before, and has not been heard of for a while. */
  readonly isSilent: boolean;
}

/** Longer than a slice and the longest pause between two tries. */
const SILENT_AFTER = sql`interval '30 seconds'`;

/** Jobs that go on and that nobody seems to work on. */
export async function findDueJobs(db: Db): Promise<DueJob[]> {
  const { rows } = await sql<DueJob>`
    select id, kind, workflow_started_at is not null as "isSilent" from jobs
    where state in ('planning', 'running') and (workflow_started_at is null
      or (workflow_started_at < now() - ${SILENT_AFTER} and coalesce(progressed_at, created_at) < now() - ${SILENT_AFTER}))
    order by created_at`.execute(db);
  return rows;
}

/** Its workflow has been started: it is looked at again when it has been silent for a while. */
export async function noteStarted(db: Db, jobId: string): Promise<void> {
  await sql`update jobs set workflow_started_at = now() where id = ${jobId}`.execute(db);
}

/** Somebody has ended its workflow in Temporal itself: that stops the job, and the audit says so. */
export async function noteStoppedInTemporal(db: Db, jobId: string): Promise<void> {
  await transact(db, async (trx) => {
    const stopped = await trx
      .updateTable('jobs')
      .set({ state: 'stopped' })
      .where('id', '=', jobId)
      .where('state', 'in', ['planning', 'running'])
      .returning('state')
      .executeTakeFirst();
    if (!stopped) return;
    await recordAct(trx, IN_TEMPORAL, { action: 'job.stop', target: { kind: 'job', id: jobId }, after: stopped });
  });
}
