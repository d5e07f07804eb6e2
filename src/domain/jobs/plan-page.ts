import { sql } from 'kysely';
import type { JsonObject } from '../../postgres/schema/json.js';
import type { JobState } from '../../postgres/schema.js';
import { type Trx, transact } from '../../postgres/transaction.js';
import type { JobKind, PlanContext, PlannedItem } from './kind.js';

/** More than this is another filter: nothing is done then. */
export const MOST_ITEMS = 1_000_000;

/** A job's row, locked while a page is planned, so that two at once do not plan the same. */
interface Planning {
  readonly id: string;
  readonly parameters: JsonObject;
  readonly cursor: JsonObject | null;
  readonly matched: number;
}

/** Lists the next page of a job's items; what is listed already stays as it is. @returns whether it still plans. */
export async function planPage(context: PlanContext, kind: JobKind, jobId: string): Promise<boolean> {
  return transact(context.db, async (trx) => {
    const job: Planning | undefined = await trx
      .selectFrom('jobs')
      .select(['id', 'parameters', 'cursor', 'matched'])
      .where('id', '=', jobId)
      .where('state', '=', 'planning')
      .forUpdate()
      .executeTakeFirst();
    if (!job) return false;
    const { items, next } = await kind.plan({ ...context, db: trx }, job, job.cursor);
    const matched = job.matched + (items.length > 0 ? await insertItems(trx, jobId, items) : 0);
    const tooMany = matched > MOST_ITEMS;
    const state: JobState = tooMany ? 'failed' : next ? 'planning' : 'running';
    await trx
      .updateTable('jobs')
      .set({
        state,
        cursor: next,
        matched,
        progressed_at: sql<Date>`clock_timestamp()`,
        ...(state === 'running' && { planned_at: sql<Date>`clock_timestamp()` }),
        ...(tooMany && { code: 'too_many_items', ended_at: sql<Date>`clock_timestamp()` }),
      })
      .where('id', '=', jobId)
      .execute();
    return state === 'planning';
  });
}

/** @returns how many of them were new. */
async function insertItems(trx: Trx, jobId: string, items: readonly PlannedItem[]): Promise<number> {
  const targets = items.map(({ target }) => target);
  const generations = items.map(({ generation }) => generation ?? null);
  const { rows } = await sql<{ count: number }>`
    with added as (
      insert into job_items (job_id, number, target, generation)
      select ${jobId}, last.number + row_number() over (order by page.place), page.target, page.generation
      from (select distinct on (target) * from unnest(${targets}::text[], ${generations}::int[])
          with ordinality as given (target, generation, place) order by target, place) page
        cross join (select coalesce(max(number), 0) as number from job_items where job_id = ${jobId}) last
      where not exists (select from job_items known where known.job_id = ${jobId} and known.target = page.target)
      returning 1)
    select count(*) as count from added`.execute(trx);
  return rows[0]!.count;
}
