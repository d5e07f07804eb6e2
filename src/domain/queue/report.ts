import { sql } from 'kysely';
import type { ProviderName } from '../../config.js';
import type { Db } from '../../postgres/database.js';
import { type PerPriority, PRIORITIES, type Priority } from '../../priority.js';
import { readAvailability } from '../provider-health/availability.js';
import { readQueueControls } from './pauses.js';

/** What stops a priority: operators through us, or somebody in Temporal. */
export interface PauseView {
  readonly by: 'tempost' | 'temporal';
  readonly since: Date;
  readonly reason: string | null;
}

/** What an operator wants to know of one priority. */
export interface QueueReport {
  readonly priority: Priority;
  readonly paused: boolean;
  readonly pauses: readonly PauseView[];
  /** Due, and not dispatched yet. */
  readonly waiting: number;
  /** Due, and held by an operator's hold. */
  readonly held: number;
  /** With a `send_at` ahead. */
  readonly scheduled: number;
  readonly in_flight: number;
  /** Of those in flight: dispatched more than two minutes ago. */
  readonly stuck: number;
  readonly backing_off: number;
  /** Had their turn and found no provider: they wait until one admits them. */
  readonly awaiting_provider: number;
  /** With a provider, news awaited. */
  readonly handed_over: number;
  /** Age of the oldest that waits, from when it was due; null when none waits. */
  readonly oldest_waiting_s: number | null;
  /** Not handed over though its deadline has passed, and not held. */
  readonly past_deadline: number;
  /** The providers that take this priority now; while there is none, nothing is sent. */
  readonly admitting_providers: readonly ProviderName[];
}

type Counts = Omit<QueueReport, 'paused' | 'pauses' | 'admitting_providers'>;

/**
 * Every priority's controls and depths, most urgent first. One pass over the queue table.
 *
 * @param deadlineMs the service levels: a deadline is the due time plus its priority's.
 * @param providers those we send through.
 */
export async function reportQueues(
  db: Db,
  deadlineMs: PerPriority<number>,
  providers: readonly ProviderName[],
): Promise<QueueReport[]> {
  const counts = await countQueues(db, deadlineMs);
  const controls = await readQueueControls(db);
  const admitting = new Map<Priority, readonly ProviderName[]>();
  for (const priority of PRIORITIES) {
    const { gate, providers: open } = await readAvailability(db, providers, priority);
    admitting.set(priority, gate === 'open' ? open : []);
  }
  return controls.map(({ priority, pausedAt, reason, temporalPausedAt, temporalReason }) => {
    const pauses: PauseView[] = [];
    if (pausedAt) pauses.push({ by: 'tempost', since: pausedAt, reason });
    if (temporalPausedAt) pauses.push({ by: 'temporal', since: temporalPausedAt, reason: temporalReason });
    const admitting_providers = admitting.get(priority) ?? [];
    return { priority, paused: pauses.length > 0, pauses, ...(counts.get(priority) ?? EMPTY), admitting_providers };
  });
}

const EMPTY = {
  waiting: 0,
  held: 0,
  scheduled: 0,
  in_flight: 0,
  stuck: 0,
  backing_off: 0,
  awaiting_provider: 0,
  handed_over: 0,
  oldest_waiting_s: null,
  past_deadline: 0,
};

async function countQueues(db: Db, deadlineMs: PerPriority<number>): Promise<Map<Priority, Counts>> {
  const serviceLevels = sql.join(
    PRIORITIES.map((priority) => sql`(${priority}, ${deadlineMs[priority] / 1000}::float8)`),
  );
  const { rows } = await sql<Counts>`
    select q.priority,
      count(*) filter (where state = 'waiting' and due_at <= now()) as waiting,
      count(*) filter (where state = 'held') as held,
      count(*) filter (where state = 'waiting' and due_at > now()) as scheduled,
      count(*) filter (where state = 'in_flight') as in_flight,
      count(*) filter (where state = 'in_flight' and dispatched_at < now() - interval '2 minutes') as stuck,
      count(*) filter (where state = 'backing_off') as backing_off,
      count(*) filter (where state = 'awaiting_provider') as awaiting_provider,
      count(*) filter (where state = 'handed_over') as handed_over,
      floor(extract(epoch from now()
        - min(due_at) filter (where state in ('waiting', 'awaiting_provider') and due_at <= now())))::int
        as oldest_waiting_s,
      count(*) filter (where state not in ('handed_over', 'held') and due_at + make_interval(secs => level.seconds) < now())
        as past_deadline
    from email_queue q join (values ${serviceLevels}) as level (priority, seconds) on level.priority = q.priority
    group by q.priority`.execute(db);
  return new Map(rows.map((row) => [row.priority, row]));
}

/** What waits for a person, or for Temporal. */
export interface Leftovers {
  /** Dead e-mails that nobody has retried or discarded, by reason. */
  readonly dead_letters: { readonly waiting: number; readonly by_reason: Readonly<Record<string, number>> };
  /** Webhooks of the last 24 hours that name no e-mail that we know. */
  readonly unmatched_webhooks: number;
  /** Signals that workflows have not got yet: grows while Temporal is down. The oldest is so old; null: there is none. */
  readonly pending_signals: number;
  readonly oldest_pending_signal_s: number | null;
  /** Failures of which senders are told by a digest at the end of its hour. The first is so old; null: there is none. */
  readonly untold_failures: number;
  readonly oldest_untold_failure_s: number | null;
}

/** Counts what is left over. */
export async function countLeftovers(db: Db): Promise<Leftovers> {
  const dead = await db
    .selectFrom('dead_emails')
    .select(['reason', (eb) => eb.fn.countAll<number>().as('count')])
    .where('resolved_at', 'is', null)
    .groupBy('reason')
    .orderBy('reason')
    .execute();
  const { rows } = await sql<Omit<Leftovers, 'dead_letters'>>`select
    (select count(*) from unmatched_webhooks where recorded_at > now() - interval '24 hours') as unmatched_webhooks,
    s.pending_signals, ${secondsSince('s.since')} as oldest_pending_signal_s,
    n.untold_failures, ${secondsSince('n.since')} as oldest_untold_failure_s
    from (select count(*) as pending_signals, min(enqueued_at) as since from pending_signals) s,
      (select coalesce(sum(untold), 0)::int as untold_failures, min(window_from) as since
        from failure_notices where untold > 0) n`.execute(db);
  return {
    dead_letters: {
      waiting: dead.reduce((sum, { count }) => sum + count, 0),
      by_reason: Object.fromEntries(dead.map(({ reason, count }) => [reason, count])),
    },
    ...rows[0]!,
  };
}

const secondsSince = (column: string) => sql`floor(extract(epoch from now() - ${sql.ref(column)}))::int`;
