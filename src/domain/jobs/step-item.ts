import { sql } from 'kysely';
import { isDatabaseTrouble } from '../../http/database-trouble.js';
import type { JsonObject } from '../../postgres/schema/json.js';
import { transact } from '../../postgres/transaction.js';
import type { JobItem, JobKind, StepContext } from './kind.js';

/** How often an item is tried that throws. */
const TRIES = 3;

interface Step {
  readonly kind: JobKind;
  readonly jobId: string;
  readonly parameters: JsonObject;
}

/**
 * Does one item of a job, and writes down in the same transaction that it is done: whoever is killed on the way, and
 * however many try, it is done once. An item that cannot be done, and not for the database's trouble, is `failed`, and
 * the others go on.
 *
 * @param number the item's; one that somebody else does, or has done, is left alone, and so is a stopped job's.
 * @throws the database's trouble, which passes.
 */
export async function stepItem(context: StepContext, step: Step, number: number): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      return await tryItem(context, step, number);
    } catch (error) {
      if (isDatabaseTrouble(error)) throw error;
      if (tries === TRIES) return fail(context, step, number, codeOf(error));
    }
  }
}

async function tryItem(context: StepContext, { kind, jobId, parameters }: Step, number: number): Promise<void> {
  const job = { id: jobId, parameters };
  if (kind.prepare) {
    const item = await pendingItem(context.db, jobId, number, false);
    if (item && (await kind.prepare(context, job, item)) === 'again') return;
  }
  const woken: string[] = [];
  const within = { ...context, wake: (emailId: string) => void woken.push(emailId) };
  const stepped = await transact(context.db, async (trx) => {
    const item = await pendingItem(trx, jobId, number, true);
    if (!item) return undefined;
    const result = await kind.step(trx, { ...within, db: trx }, job, item);
    await trx
      .updateTable('job_items')
      .set({ state: result.state, code: result.code ?? null, done_at: sql<Date>`clock_timestamp()` })
      .where('job_id', '=', jobId)
      .where('number', '=', number)
      .execute();
    return { jobId, target: item.target, ...result };
  });
  if (stepped) context.tell(stepped);
  // Before the commit a workflow would find nothing new, and sleep on.
  for (const emailId of woken) context.wake(emailId);
}

/** An item that is still to be done, of a job that runs. @param isLocked whether it is locked; what others lock is left. */
async function pendingItem(
  db: StepContext['db'],
  jobId: string,
  number: number,
  isLocked: boolean,
): Promise<JobItem | undefined> {
  const lock = isLocked ? sql`for update of i skip locked` : sql``;
  const { rows } = await sql<JobItem>`
    select i.number, i.target, i.generation from job_items i join jobs j on j.id = i.job_id
    where i.job_id = ${jobId} and i.number = ${number} and i.state = 'pending' and j.state = 'running' ${lock}`.execute(
    db,
  );
  return rows[0];
}

async function fail({ db }: StepContext, { jobId }: Step, number: number, code: string): Promise<void> {
  await db
    .updateTable('job_items')
    .set({ state: 'failed', code, done_at: sql<Date>`clock_timestamp()` })
    .where('job_id', '=', jobId)
    .where('number', '=', number)
    .where('state', '=', 'pending')
    .execute();
}

/** PostgreSQL's code or the error's name; never its message, which may quote what it is about. */
function codeOf(error: unknown): string {
  const { code, name } = (error ?? {}) as { code?: unknown; name?: unknown };
  return String(typeof code === 'string' ? code : (name ?? 'unknown')).slice(0, 64);
}
