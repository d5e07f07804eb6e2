import { sql } from 'kysely';
import type { Db } from '../../postgres/database.js';
import type { JsonObject } from '../../postgres/schema/json.js';
import type { JobState } from '../../postgres/schema.js';
import { type Trx, transact } from '../../postgres/transaction.js';
import type { JobKindName } from './kinds.js';

/** What a job is begun with. */
export interface JobTerms {
  readonly kind: JobKindName;
  /** As its kind takes them. */
  readonly parameters: object;
  /** Why, in an operator's words. */
  readonly reason: string;
  /** The most items a second. */
  readonly ratePerS: number;
}

/** How many items ended how. `skipped` and `failed` by their codes. */
export interface JobCounts {
  readonly pending: number;
  readonly done: number;
  readonly skipped: Readonly<Record<string, number>>;
  readonly failed: Readonly<Record<string, number>>;
}

export interface Job {
  readonly id: string;
  readonly kind: string;
  readonly parameters: JsonObject;
  readonly reason: string;
  readonly rate_per_s: number;
  readonly state: JobState;
  /** How many items there are; while it plans, so far. */
  readonly matched: number;
  readonly counts: JobCounts;
  /** Why it failed. */
  readonly code: string | null;
  readonly created_at: Date;
  readonly planned_at: Date | null;
  readonly progressed_at: Date | null;
  readonly ended_at: Date | null;
}

/** Planning or running at one time: each works on its own, and so at its own rate. */
export const MOST_ACTIVE_JOBS = 10;

/** Any number will do, as long as it is always the same. */
const LOCK = sql`pg_advisory_xact_lock(hashtext('tempost.jobs'))`;

/** Locks out other beginnings. @returns whether one more job may run. */
async function isOneMoreAllowed(trx: Trx): Promise<boolean> {
  await sql`select ${LOCK}`.execute(trx);
  const { active } = await trx
    .selectFrom('jobs')
    .select((eb) => eb.fn.countAll<number>().as('active'))
    .where('state', 'in', ['planning', 'running'])
    .executeTakeFirstOrThrow();
  return active < MOST_ACTIVE_JOBS;
}

/** Begins a job; a dispatcher starts its workflow within seconds. @returns undefined when too many are going on. */
export async function beginJob(db: Db, { kind, parameters, reason, ratePerS }: JobTerms): Promise<string | undefined> {
  return transact(db, async (trx) => {
    if (!(await isOneMoreAllowed(trx))) return undefined;
    const { id } = await trx
      .insertInto('jobs')
      .values({ kind, parameters: { ...parameters }, reason, rate_per_s: ratePerS })
      .returning('id')
      .executeTakeFirstOrThrow();
    return id;
  });
}

/**
 * Stops a job: no item is begun any more, those under way are finished. What was done stays done.
 *
 * @returns `over`: it has ended, or is stopped.
 */
export async function stopJob(db: Db, id: string): Promise<'stopped' | 'over' | 'not_found'> {
  return transact(db, async (trx) => {
    const stopped = await trx
      .updateTable('jobs')
      .set({ state: 'stopped' })
      .where('id', '=', id)
      .where('state', 'in', ['planning', 'running'])
      .returning('id')
      .executeTakeFirst();
    if (stopped) return 'stopped';
    return (await jobExists(trx, id)) ? 'over' : 'not_found';
  });
}

/** Goes on with a stopped job where it was. @returns `over`: it is not stopped. */
export async function resumeJob(db: Db, id: string): Promise<'resumed' | 'over' | 'not_found' | 'too_many'> {
  return transact(db, async (trx) => {
    if (!(await jobExists(trx, id))) return 'not_found';
    if (!(await isOneMoreAllowed(trx))) return 'too_many';
    const resumed = await trx
      .updateTable('jobs')
      .set({
        state: sql<JobState>`case when planned_at is null then 'planning' else 'running' end`,
        workflow_started_at: null,
      })
      .where('id', '=', id)
      .where('state', '=', 'stopped')
      .returning('id')
      .executeTakeFirst();
    return resumed ? 'resumed' : 'over';
  });
}

/** Whether there is such a job. */
export async function jobExists(db: Db, id: string): Promise<boolean> {
  return (await db.selectFrom('jobs').select('id').where('id', '=', id).executeTakeFirst()) !== undefined;
}

/** The counts of a job that has ended are kept with it; of others its items are counted. */
const selectJobs = (condition: ReturnType<typeof sql>) => sql<Job>`
  select j.id, j.kind, j.parameters, j.reason, j.rate_per_s, j.state, j.matched, j.code, j.created_at, j.planned_at,
    j.progressed_at, j.ended_at, coalesce(j.counts, ${countsOf(sql`j.id`)}) as counts
  from jobs j where ${condition}`;

/** Counted from the items, so that it is right whatever happened to whoever did them. */
export const countsOf = (jobId: ReturnType<typeof sql>) => sql<JobCounts>`(
  select jsonb_build_object(
    'pending', coalesce(sum(n) filter (where c.state = 'pending'), 0),
    'done', coalesce(sum(n) filter (where c.state = 'done'), 0),
    'skipped', coalesce(jsonb_object_agg(c.code, n) filter (where c.state = 'skipped'), '{}'),
    'failed', coalesce(jsonb_object_agg(c.code, n) filter (where c.state = 'failed'), '{}'))
  from (select i.state, case when i.state in ('skipped', 'failed') then coalesce(i.code, 'unknown') end as code,
    count(*) as n from job_items i where i.job_id = ${jobId} group by 1, 2) c)`;

/** @returns undefined when there is no such job. */
export async function findJob(db: Db, id: string): Promise<Job | undefined> {
  const { rows } = await selectJobs(sql`j.id = ${id}`).execute(db);
  return rows[0];
}

/** Jobs, the newest first. @param page `before`: the last id of the page before. */
export async function listJobs(
  db: Db,
  filter: { readonly state?: JobState; readonly kind?: string },
  page: { readonly before?: string; readonly limit: number },
): Promise<Job[]> {
  const conditions = [sql`true`];
  if (filter.state) conditions.push(sql`j.state = ${filter.state}`);
  if (filter.kind) conditions.push(sql`j.kind = ${filter.kind}`);
  if (page.before) conditions.push(sql`j.id < ${page.before}`);
  const { rows } = await sql<Job>`${selectJobs(sql.join(conditions, sql` and `))}
    order by j.id desc limit ${page.limit}`.execute(db);
  return rows;
}
