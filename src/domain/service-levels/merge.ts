import { sql } from 'kysely';
import type { Db } from '../../postgres/database.js';

const BATCH = 5_000;

/**
 * Puts the parts of hours that are over into one row each, so that a year costs a sixteenth. What is counted into such
 * an hour later makes a part anew. Several processes may do it at once.
 */
export async function mergeServiceLevels(db: Db): Promise<void> {
  for (;;) {
    const { rows } = await sql<{ merged: number }>`
      with parts as (
        delete from service_levels where (hour, priority, client_id, shard) in (
          select hour, priority, client_id, shard from service_levels
          where shard > 0 and hour < now() - interval '26 hours'
          order by hour, priority, client_id, shard limit ${BATCH} for update skip locked)
        returning *),
      whole as (
        insert into service_levels as s
        select hour, priority, client_id, 0, sum(in_time), sum(late), sum(late_by_pause), sum(dead), sum(failed),
          sum(suppressed), sum(cancelled)
        from parts group by hour, priority, client_id order by hour, priority, client_id
        on conflict (hour, priority, client_id, shard) do update set
          in_time = s.in_time + excluded.in_time,
          late = s.late + excluded.late,
          late_by_pause = s.late_by_pause + excluded.late_by_pause,
          dead = s.dead + excluded.dead,
          failed = s.failed + excluded.failed,
          suppressed = s.suppressed + excluded.suppressed,
          cancelled = s.cancelled + excluded.cancelled)
      select count(*) as merged from parts`.execute(db);
    if (rows[0]!.merged < BATCH) return;
  }
}
