import { sql } from 'kysely';
import type { Db } from './database.js';

/** What the queue holds of a priority in one state. */
export interface QueueFigure {
  readonly priority: string;
  readonly state: string;
  readonly count: number;
  /** How long the oldest has been due; 0 when none is. */
  readonly oldestS: number;
  /** Past their deadline and not handed over. */
  readonly late: number;
}

/** Reads the queue for metrics, in one pass over its narrow table. */
export async function readQueueFigures(db: Db): Promise<QueueFigure[]> {
  const { rows } = await sql<QueueFigure>`
    select q.priority, q.state, count(*) as count,
      greatest(coalesce(extract(epoch from now() - min(q.due_at)), 0), 0)::float8 as "oldestS",
      count(*) filter (where q.state <> 'handed_over' and e.deadline_at < now()) as late
    from email_queue q left join emails e on e.id = q.email_id and q.state <> 'handed_over' and q.due_at < now()
    group by q.priority, q.state`.execute(db);
  return rows;
}
