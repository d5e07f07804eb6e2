import { sql } from 'kysely';
import type { Db } from '../../postgres/database.js';
import type { Trx } from '../../postgres/transaction.js';
import type { Priority } from '../../priority.js';
import { activeHold } from '../holds/match.js';

/** When a claim meets held e-mails, it moves so many of them out of the way: a million are out of it in 200 claims. */
const MOVED_A_CLAIM = 5_000;
const PUT_BACK_AT_ONCE = 5_000;
/** For so long after a hold's end its e-mails are looked for: by then every process has seen the end. */
const LOOKED_FOR = sql`interval '1 day'`;

/** Moves due e-mails that a hold concerns out of the way of the claims, the oldest first. */
export async function holdDue(trx: Trx, priority: Priority): Promise<void> {
  await sql`
    with due as materialized (
      select email_id from email_queue
      where state = 'waiting' and priority = ${priority} and due_at <= now()
      order by due_at limit ${MOVED_A_CLAIM} for update skip locked)
    update email_queue q set state = 'held', hold_id = active.id, check_at = null
    from due join emails e on e.id = due.email_id cross join lateral (${activeHold}) active
    where q.email_id = due.email_id`.execute(trx);
}

/**
 * Puts back the e-mails of holds that have ended. An e-mail joins the waiting in its old place by due time. If its workflow
 * runs and sleeps, it joins those that are woken. If another hold concerns it, it passes to that hold.
 *
 * @returns how many were looked at; after a full batch there may be more.
 */
export async function putBackReleased(db: Db): Promise<{ count: number; full: boolean }> {
  const { rows } = await sql<{ count: number }>`
    with batch as materialized (
      select q.email_id from holds h join email_queue q on q.hold_id = h.id and q.state = 'held'
      where h.released_at > now() - ${LOOKED_FOR}
      order by q.due_at limit ${PUT_BACK_AT_ONCE} for update of q skip locked),
    moved as (
      update email_queue q set
        state = case when active.id is not null then 'held'
          when q.dispatched_at is null then 'waiting' else 'awaiting_provider' end,
        hold_id = active.id,
        ready_at = case when q.dispatched_at is null then q.ready_at else now() end,
        check_at = case when q.dispatched_at is null or active.id is not null then null else now() + interval '1 minute' end
      from batch join emails e on e.id = batch.email_id left join lateral (${activeHold}) active on true
      where q.email_id = batch.email_id
      returning q.priority),
    told as (select pg_notify('tempost_queue', priority) from (select distinct priority from moved) p)
    select count(*) as count from moved, (select count(*) from told) t`.execute(db);
  const { count } = rows[0]!;
  return { count, full: count === PUT_BACK_AT_ONCE };
}
