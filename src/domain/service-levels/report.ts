import { sql } from 'kysely';
import type { Db } from '../../postgres/database.js';
import type { Priority } from '../../priority.js';

/** How long a period is; in UTC. */
type Period = 'hour' | 'day' | 'month';

/** Which e-mails: by the hour into which their first deadline falls. Whole hours are counted. */
interface ServiceLevelQuery {
  readonly from: Date;
  /** Not included. */
  readonly to: Date;
  readonly by: Period;
  readonly priority?: Priority;
  readonly client?: string;
  /** A row for each client. */
  readonly perClient?: boolean;
}

/** E-mails whose first deadline falls into one period; each of them is in exactly one of these numbers. */
export interface ServiceLevelCounts {
  /** A provider took them by the deadline. */
  readonly in_time: number;
  /** Taken later; or past the deadline and not taken yet, those that are over apart. */
  readonly late: number;
  /** As `late`, and they would be in time without the pauses and holds: an operator's doing. */
  readonly late_by_pause: number;
  /** Never taken: past their retries, in the dead letter store. */
  readonly dead: number;
  /** Never taken: refused for good. */
  readonly failed: number;
  /** Never taken: the address is suppressed. */
  readonly suppressed: number;
  /** Never taken: cancelled. */
  readonly cancelled: number;
  /** Not taken yet, the deadline is still to come. */
  readonly pending: number;
}

export interface ServiceLevel extends ServiceLevelCounts {
  /** When the period begins. */
  readonly from: Date;
  readonly priority: Priority;
  /** Null: all clients together. */
  readonly client_id: string | null;
  /** Of `late` and `late_by_pause`: not taken yet. */
  readonly still_waiting: number;
}

/** What the queue holds that no provider has ever taken. Sideways, e-mail by e-mail: joined, the planner might read all of `emails`. */
const OPEN = sql`select date_trunc('hour', e.deadline, 'UTC') as hour, e.priority, e.client_id, e.id,
    e.deadline, e.deadline < now() as overdue,
    e.deadline < now() and now() - stopped_between(e.priority, e.client_id, e.tags, e.sender, e.receiver_address,
      e.due, now()) <= e.deadline as by_pause
  from email_queue q cross join lateral (
    select id, client_id, priority, tags, sender, receiver_address, status, sent_at, first_sent_at, late_by_pause,
      coalesce(first_due_at, due_at) as due, coalesce(first_deadline_at, deadline_at) as deadline
    from emails where id = q.email_id offset 0) e
  where q.state <> 'handed_over' and service_level_of(e.status, coalesce(e.first_sent_at, e.sent_at), e.deadline,
    e.late_by_pause) is null`;

/** The part of a `where` that both the counters and the queue understand. */
function within({ from, to, priority, client }: Omit<ServiceLevelQuery, 'by'>) {
  return sql`hour >= date_trunc('hour', ${from}::timestamptz, 'UTC') and hour < ${to}::timestamptz
    and hour >= (select counted_from from service_level_start)
    and (${priority ?? null}::text is null or priority = ${priority ?? null})
    and (${client ?? null}::uuid is null or client_id = ${client ?? null}::uuid)`;
}

/**
 * The service levels of some time, exact to the e-mail: from counters that are written with each outcome, and from the
 * queue for what has none yet. Both are seen at one moment. Periods without e-mails are left out.
 *
 * @returns the oldest period first.
 */
export async function readServiceLevels(db: Db, query: ServiceLevelQuery): Promise<ServiceLevel[]> {
  const client = query.perClient ? sql`client_id` : sql`${query.client ?? null}::uuid`;
  const { rows } = await sql<ServiceLevel>`
    select date_trunc(${query.by}, hour, 'UTC') as "from", priority, ${client} as client_id,
      sum(in_time)::int as in_time, sum(late)::int as late, sum(late_by_pause)::int as late_by_pause,
      sum(dead)::int as dead, sum(failed)::int as failed, sum(suppressed)::int as suppressed,
      sum(cancelled)::int as cancelled, sum(pending)::int as pending, sum(still_waiting)::int as still_waiting
    from (
      select hour, priority, client_id, in_time, late, late_by_pause, dead, failed, suppressed, cancelled,
        0 as pending, 0 as still_waiting
      from service_levels where ${within(query)}
      union all
      select hour, priority, client_id, 0, (overdue and not by_pause)::int, (overdue and by_pause)::int, 0, 0, 0, 0,
        (not overdue)::int, overdue::int
      from (select * from (${OPEN}) as open where ${within(query)} offset 0) as open) as counted
    group by 1, 2, 3
    having sum(in_time + late + late_by_pause + dead + failed + suppressed + cancelled + pending) > 0
    order by 1, case priority when 'critical' then 1 when 'medium' then 2 else 3 end, 3`.execute(db);
  return rows;
}

/** An e-mail that came too late, or is too late already. */
export interface LateEmail {
  readonly id: string;
  readonly priority: Priority;
  readonly client_id: string;
  readonly late_s: number;
  readonly late_by_pause: boolean;
  /** No provider has it yet. */
  readonly waiting: boolean;
}

/** The e-mails that were, or are, the most behind their first deadline. */
export async function findLatest(db: Db, query: Omit<ServiceLevelQuery, 'by'>, limit: number): Promise<LateEmail[]> {
  const { rows } = await sql<LateEmail>`
    select id, priority, client_id, late_s, late_by_pause, waiting from (
      select email_id as id, hour, priority, client_id, round(late_s::numeric, 1)::float8 as late_s,
        by_pause as late_by_pause, false as waiting
      from late_emails
      union all
      select id, hour, priority, client_id, round(extract(epoch from now() - deadline), 1)::float8, by_pause, true
      from (${OPEN}) as open where overdue) as behind
    where ${within(query)} order by late_s desc, id limit ${limit}`.execute(db);
  return rows;
}

/** E-mails whose first deadline was before are not counted: they had ended when counting began. */
export async function countedFrom(db: Db): Promise<Date> {
  const { counted_from } = await db.selectFrom('service_level_start').select('counted_from').executeTakeFirstOrThrow();
  return counted_from;
}
