import type { Db } from '../../postgres/database.js';
import type { JobItemState } from '../../postgres/schema.js';

/** One line of a job's report. */
export interface ListedItem {
  readonly number: number;
  readonly target: string;
  readonly generation: number | null;
  readonly state: JobItemState;
  readonly code: string | null;
  readonly done_at: Date | null;
}

/** What became of a job's items, in the order in which they are done. @param page `after`: the number that ended it. */
export async function listItems(
  db: Db,
  jobId: string,
  filter: { readonly state?: JobItemState; readonly code?: string },
  page: { readonly after: number; readonly limit: number },
): Promise<ListedItem[]> {
  let query = db
    .selectFrom('job_items')
    .select(['number', 'target', 'generation', 'state', 'code', 'done_at'])
    .where('job_id', '=', jobId)
    .where('number', '>', page.after);
  if (filter.state) query = query.where('state', '=', filter.state);
  if (filter.code) query = query.where('code', '=', filter.code);
  return query.orderBy('number').limit(page.limit).execute();
}
