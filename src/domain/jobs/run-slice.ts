import { setTimeout as delay } from 'node:timers/promises';
import { sql } from 'kysely';
import type { Db } from '../../postgres/database.js';
import type { JobState } from '../../postgres/schema.js';
import { inParallel } from '../../process/parallel.js';
import { countsOf } from './jobs.js';
import type { StepContext } from './kind.js';
import { jobKind } from './kinds.js';
import { planPage } from './plan-page.js';
import { stepItem } from './step-item.js';

/** Where a job is; numbers only, because histories keep it. */
export interface Progress {
  readonly state: JobState | 'gone';
  readonly matched: number;
  /** Items of this slice that were looked at. */
  readonly stepped: number;
}

interface SliceOptions {
  /** It ends after about so long, wherever it is. */
  readonly sliceMs: number;
  /** It ends as soon as it can. */
  readonly signal: AbortSignal;
}

/** Items at once: each is a transaction, and others need the database as well. */
const AT_ONCE = 4;
/** In one go, so that a job of many a second asks only a few times a second how things stand. */
const CHUNK_MS = 500;
/** Critical mail that is due waits for the dispatcher a few hundred milliseconds at most, when there is room. */
const CRITICAL_WAITS_MS = 3_000;
/** So long a job waits for critical mail before it does a chunk all the same: there may be a reason that lasts. */
const GIVES_WAY_MS = 30_000;

/**
 * Goes on with a job for a few seconds: lists what is to be done, then does it, item by item, never faster than its rate,
 * and not while critical mail waits. Two at once do the same work between them, nothing twice.
 *
 * @throws what the database's absence throws, or the signal's reason; then it is asked again.
 */
export async function runSlice(context: StepContext, jobId: string, options: SliceOptions): Promise<Progress> {
  const endsAt = Date.now() + options.sliceMs;
  let stepped = 0;
  for (;;) {
    options.signal.throwIfAborted();
    const job = await look(context.db, jobId);
    if (!job) return { state: 'gone', matched: 0, stepped };
    const { state, matched } = job;
    const kind = jobKind(job.kind);
    if (state === 'planning' && kind) await planPage(context, kind, jobId);
    else if (state === 'running' && kind) {
      await giveWay(context.db, options.signal);
      const count = await runChunk(context, { ...job, kind, jobId }, options.signal);
      stepped += count;
      if (kind.inOrder) await failWithItem(context.db, jobId);
      if (count === 0) await finish(context.db, jobId);
    } else if (state === 'planning' || state === 'running') await giveUp(context.db, jobId);
    else return { state, matched, stepped };
    if (Date.now() >= endsAt) return { state, matched, stepped };
  }
}

/** Reads a job, and notes that somebody works on it. */
async function look(db: Db, jobId: string) {
  return db
    .updateTable('jobs')
    .set({ progressed_at: sql<Date>`clock_timestamp()` })
    .where('id', '=', jobId)
    .returning(['kind', 'state', 'parameters', 'matched', 'rate_per_s'])
    .executeTakeFirst();
}

type Chunk = Parameters<typeof stepItem>[1] & { readonly rate_per_s: number };

/** Does the next items, in no less time than the rate allows. @returns how many there were. */
async function runChunk(context: StepContext, job: Chunk, signal: AbortSignal): Promise<number> {
  const startedAt = Date.now();
  const limit = job.kind.inOrder ? 1 : Math.max(1, Math.floor((job.rate_per_s * CHUNK_MS) / 1_000));
  const next = await context.db
    .selectFrom('job_items')
    .select('number')
    .where('job_id', '=', job.jobId)
    .where('state', '=', 'pending')
    .orderBy('number')
    .limit(limit)
    .execute();
  await inParallel(next.length, AT_ONCE, async (n) => {
    if (!signal.aborted) await stepItem(context, job, next[n]!.number);
  });
  const leastMs = (next.length * 1_000) / job.rate_per_s;
  await delay(Math.max(0, startedAt + leastMs - Date.now()), undefined, { signal });
  return next.length;
}

/** Waits while critical mail does that nobody has stopped. */
async function giveWay(db: Db, signal: AbortSignal): Promise<void> {
  const endsAt = Date.now() + GIVES_WAY_MS;
  while (Date.now() < endsAt && (await isCriticalWaiting(db))) await delay(CHUNK_MS, undefined, { signal });
}

async function isCriticalWaiting(db: Db): Promise<boolean> {
  const { rows } = await sql<{ waits: boolean }>`
    select exists (select from email_queue where priority = 'critical' and state = 'waiting'
        and due_at < now() - make_interval(secs => ${CRITICAL_WAITS_MS / 1_000}))
      and not exists (select from queue_controls where priority = 'critical'
        and (paused_at is not null or temporal_paused_at is not null)) as waits`.execute(db);
  return rows[0]!.waits;
}

/** Ends a job of which no item is left. */
async function finish(db: Db, jobId: string): Promise<void> {
  await sql`update jobs set state = 'done', ended_at = clock_timestamp(), counts = ${countsOf(sql`${jobId}::uuid`)}
    where id = ${jobId} and state = 'running'
      and not exists (select from job_items where job_id = ${jobId} and state = 'pending')`.execute(db);
}

/** Of a job that is done in order: what comes behind an item that failed must not be done. */
async function failWithItem(db: Db, jobId: string): Promise<void> {
  await sql`update jobs set state = 'failed', ended_at = clock_timestamp(), code = item.code,
      counts = ${countsOf(sql`${jobId}::uuid`)}
    from (select code from job_items where job_id = ${jobId} and state = 'failed' limit 1) item
    where id = ${jobId} and state = 'running'`.execute(db);
}

/** This release does not know its kind: a newer one has begun it. */
async function giveUp(db: Db, jobId: string): Promise<void> {
  await sql`update jobs set state = 'failed', code = 'unknown_kind', ended_at = clock_timestamp()
    where id = ${jobId} and state in ('planning', 'running')`.execute(db);
}
