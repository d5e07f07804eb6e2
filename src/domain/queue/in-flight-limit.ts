import { type Kysely, sql } from 'kysely';
import type { Database } from '../../postgres/schema.js';
import { compileOnce } from '../../postgres/statements/compile-once.js';
import type { Trx } from '../../postgres/transaction.js';
import { PRIORITIES, type Priority } from '../../priority.js';

/** Older than this an e-mail no longer counts as in flight: it is stuck, and must not block the others. */
const STUCK_AFTER = sql`interval '2 minutes'`;
/** An e-mail that has not begun its first call by then waits for something other than cores. */
const AWAITS_FIRST_CALL_FOR = sql`interval '10 seconds'`;
/** For so long a critical e-mail before its first call holds bulk back. After that it waits for something other than cores. */
const YIELD_FOR = sql`interval '1 second'`;
/** Under a rate, so many seconds' worth of e-mails are at work: more would only ask for a call in turn. */
const AT_WORK_S = 2;
/** E-mails that back off have a bound of their own, so that a few slow ones never block a priority. */
const BACKING_OFF_BOUND = 5_000;

export interface InFlightOptions {
  /** How many e-mails of the priority may be in flight. */
  readonly limit: number;
  /**
   * How many of them may be before their first call, for bulk. Those of more urgent bulk count as well, all but one:
   * whatever holds them up must not stop this fleet. Left out for critical, which waits for nothing but the limit.
   */
  readonly window?: number;
}

/** How many e-mails of a priority may be started now. */
interface Headroom {
  readonly free: number;
  /** Nothing but the window keeps more from being started. */
  readonly windowFull: boolean;
  /** Some sleep until a provider admits them. */
  readonly someAwaitProvider: boolean;
}

/** What a priority has at work, in e-mails. */
interface AtWork {
  readonly in_flight: number;
  readonly backing_off: number;
  /** In flight, before their first call: of the priority itself, and of more urgent bulk. */
  readonly own: number;
  readonly before: number;
  /** A critical e-mail is before its first call. */
  readonly critical: boolean;
  /** Some sleep until a provider admits them. */
  readonly awaiting: boolean;
}

/** Counts what a priority has at work. */
export async function countAtWork(db: Kysely<Database>, priority: Priority): Promise<AtWork> {
  const upTo = PRIORITIES.slice(0, PRIORITIES.indexOf(priority) + 1);
  return (await readAtWork(db, { priority, upTo }))[0]!;
}

const readAtWork = compileOnce(
  (_, { priority, upTo }: { priority: Priority; upTo: readonly Priority[] }) => sql<AtWork>`
    with busy as materialized (
      select priority, dispatched_at, dispatched_at > now() - ${AWAITS_FIRST_CALL_FOR} and not exists (
        select from send_attempts a where a.email_id = q.email_id and a.generation = q.generation) as awaits_first_call
      from email_queue q
      where priority = any(${upTo}) and state = 'in_flight' and dispatched_at > now() - ${STUCK_AFTER})
    select count(*) filter (where priority = ${priority}) as in_flight,
           (select count(*) from email_queue where priority = ${priority} and state = 'backing_off') as backing_off,
           exists (select from email_queue where priority = ${priority} and state = 'awaiting_provider') as awaiting,
           count(*) filter (where awaits_first_call and priority = ${priority}) as own,
           count(*) filter (where awaits_first_call and priority not in ('critical', ${priority})) as before,
           coalesce(bool_or(awaits_first_call and priority = 'critical' and dispatched_at > now() - ${YIELD_FOR}), false)
             as critical
    from busy`,
);

/** How many more a rate leaves room for, given what the providers' quotas admit in a second. */
export const freeByRate = ({ in_flight, backing_off }: AtWork, ratePerS: number): number =>
  Math.ceil(ratePerS * AT_WORK_S) - in_flight - backing_off;

/** How many more the limits on what is at work leave room for. */
export const freeByLimit = ({ in_flight, backing_off }: AtWork, limit: number): number =>
  Math.min(limit - in_flight, BACKING_OFF_BOUND - backing_off);

/**
 * Counts what a priority has at work. While a critical e-mail is before its first call, bulk goes one at a time.
 *
 * @returns the headroom, given what the providers' quotas admit in a second.
 */
export async function inFlightHeadroom(
  trx: Trx,
  priority: Priority,
  options: InFlightOptions,
): Promise<(ratePerS: number) => Headroom> {
  const atWork = await countAtWork(trx, priority);
  const { own, before, critical, awaiting: someAwaitProvider } = atWork;
  const { limit, window } = options;
  return (ratePerS) => {
    const free = Math.min(freeByLimit(atWork, limit), freeByRate(atWork, ratePerS));
    if (window === undefined) return { free, windowFull: false, someAwaitProvider };
    const inWindow = Math.max(1, window - before) - own;
    // One at a time, rather than none: a stream of critical e-mails must not stop bulk for ever.
    const yielded = critical ? Math.min(inWindow, 1 - own) : inWindow;
    return { free: Math.min(free, yielded), windowFull: inWindow <= 0 && free > 0, someAwaitProvider };
  };
}
