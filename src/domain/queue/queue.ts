import { type ExpressionBuilder, sql } from 'kysely';
import type { ProviderName } from '../../config.js';
import type { Db } from '../../postgres/database.js';
import type { Database, QueueState } from '../../postgres/schema.js';
import { compileOnce } from '../../postgres/statements/compile-once.js';
import { later, type Trx, transact } from '../../postgres/transaction.js';
import { PRIORITIES, type Priority, perPriority } from '../../priority.js';
import { bury } from '../dead-letters/dead-letters.js';
import { lockEmail } from '../emails/events.js';
import type { StatusCatalogue } from '../emails/statuses.js';
import { activeHold } from '../holds/match.js';
import { hasUntried, readAvailability } from '../provider-health/availability.js';
import { holdDue } from './held.js';
import { type InFlightOptions, inFlightHeadroom } from './in-flight-limit.js';
import { isPaused } from './pauses.js';
import type { Started } from './time-to-first-call.js';

/** An e-mail to start a workflow for. */
export interface ClaimedEmail {
  readonly emailId: string;
  readonly clientId: string;
  readonly generation: number;
  /** Its workflow runs, and waits for a signal that a provider admits it. */
  readonly awaitingProvider: boolean;
}

interface DispatchOptions extends InFlightOptions {
  /** Those we send through: while none admits, only probes are dispatched. */
  readonly providers: readonly ProviderName[];
  /** When the sweep first looks whether the workflow is still there. */
  readonly checkAfterMs: number;
}

/** What a dispatch came to. */
interface Dispatched {
  readonly started: readonly Started[];
  /** Nothing but the starting window keeps more from being started. */
  readonly windowFull: boolean;
  /** There may be more waiting, beyond what may be in flight. */
  readonly more: boolean;
  /** No provider admits: there is no use in looking again soon. */
  readonly blocked: boolean;
}

const NOTHING: Dispatched = { started: [], windowFull: false, more: false, blocked: false };

/**
 * Claims the most urgent e-mails of one priority under the in-flight limit. Those come first that had their turn and found
 * no provider. Their workflows are started or woken, and the started ones are marked as dispatched. All this is one
 * transaction: if this process dies meanwhile, the rows are free again at once. One claimer a priority at a time keeps the
 * limit exact. A frozen claimer loses the priority: critical after `CRITICAL_IDLE_TIMEOUT`, the others after the 10 s that
 * hold for every transaction.
 *
 * @param start starts workflows; resolves to the ids of those started. Starting again what runs already is harmless.
 */
export async function dispatchBatch(
  db: Db,
  priority: Priority,
  options: DispatchOptions,
  start: (emails: readonly ClaimedEmail[]) => Promise<readonly string[]>,
): Promise<Dispatched> {
  return transact(db, async (trx) => {
    const [claimed, { gate, ratePerS, providers }, headroom] = await Promise.all([
      claimPriority(trx, priority),
      readAvailability(trx, options.providers, priority),
      inFlightHeadroom(trx, priority, options),
    ]);
    if (!claimed.got) return NOTHING;
    if (claimed.stopped !== (gate !== 'open')) await noteStop(trx, priority, gate !== 'open');
    if (gate === 'none') return { ...NOTHING, blocked: true };
    const { free, windowFull, someAwaitProvider } = headroom(ratePerS);
    const most = gate === 'trial' ? Math.min(free, 1) : free;
    if (most <= 0) return { ...NOTHING, windowFull, more: true };
    const awaitingProvider = someAwaitProvider ? await claimAwaitingProvider(trx, priority, providers, most, gate) : [];
    const claimable = most - awaitingProvider.length;
    const { free: waiting, someHeld } = claimable > 0 ? await claimWaiting(trx, priority, claimable) : NONE_WAITING;
    if (someHeld) await holdDue(trx, priority);
    const emails = [...awaitingProvider, ...waiting];
    if (emails.length === 0) return { ...NOTHING, more: someHeld };
    const ids = await start(emails);
    await markDispatched(trx, ids, options.checkAfterMs);
    const started = ids.map((emailId) => ({ emailId, atMs: claimed.now_ms }));
    return { started, windowFull, more: someHeld || emails.length === most, blocked: gate === 'trial' };
  });
}

/** Opens or closes a time in which no provider admits a priority; such times do not count against lifetimes. */
async function noteStop(trx: Trx, priority: Priority, stopped: boolean): Promise<void> {
  const cause = 'no_provider';
  if (stopped) {
    await trx
      .insertInto('send_stops')
      .values({ priority, cause, from_at: sql`clock_timestamp()`, until_at: null })
      .onConflict((conflict) => conflict.columns(['priority', 'cause']).where('until_at', 'is', null).doNothing())
      .execute();
    return;
  }
  await trx
    .updateTable('send_stops')
    .set({ until_at: sql<Date>`clock_timestamp()` })
    .where('priority', '=', priority)
    .where('cause', '=', cause)
    .where('until_at', 'is', null)
    .execute();
}

/**
 * Critical has 15 s from acceptance to a provider. At the 10 s of every other transaction an e-mail that met a dispatcher
 * frozen in the middle of a claim took 15.2 s (measured). It must be longer than `CRITICAL_START_TIMEOUT_MS`, in which the
 * transaction is idle for as long as Temporal needs.
 */
const CRITICAL_IDLE_TIMEOUT = '4s';

/** Part of a statement of the claim, so that it costs no statement of its own. Ends with the transaction. */
const endsWhenFrozen = sql`set_config('idle_in_transaction_session_timeout', ${CRITICAL_IDLE_TIMEOUT}, true)`;

/**
 * `got`: no other dispatcher has the priority, and it is not paused. `stopped`: a time without a provider is open.
 * `now_ms`: the transaction's time, which `markDispatched` writes, in milliseconds since 1970.
 */
async function claimPriority(trx: Trx, priority: Priority) {
  return (await claimOf[priority](trx, {}))[0]!;
}

const claimOf = perPriority((priority) =>
  compileOnce(
    () => sql<{ got: boolean; stopped: boolean; now_ms: number }>`
    select extract(epoch from now())::float8 * 1000 as now_ms, not ${isPaused(priority)}
      and pg_try_advisory_xact_lock(hashtext('tempost.dispatch'), ${PRIORITIES.indexOf(priority)}) as got,
      exists (select from send_stops
        where priority = ${priority} and cause = 'no_provider' and until_at is null) as stopped
      ${priority === 'critical' ? sql`, ${endsWhenFrozen}` : sql``}`,
  ),
);

const QUEUED = {
  id: sql.ref('email_queue.email_id'),
  generation: sql.ref('email_queue.generation'),
  priority: sql.ref('email_queue.priority'),
};

/**
 * Those that await one of the providers: the oldest. For a trial the one that has slept longest, so that they take turns:
 * one that was tried has slept since then, and the most recent sleeper may be the oldest e-mail.
 */
async function claimAwaitingProvider(
  trx: Trx,
  priority: Priority,
  providers: readonly ProviderName[],
  limit: number,
  gate: 'open' | 'trial',
): Promise<ClaimedEmail[]> {
  const untried = hasUntried(QUEUED, sql.ref('email_queue.providers'), providers);
  const turn = gate === 'open' ? sql`order by due_at` : sql`and ${untried} order by ready_at, due_at`;
  const { rows } = await sql<ClaimedEmail>`
    with ready as materialized (
      select email_id from email_queue
      where state = 'awaiting_provider' and priority = ${priority} and ready_at <= now()
        and providers && ${[...providers]}::text[]
      ${turn} limit ${limit} for update skip locked)
    select e.id as "emailId", e.client_id as "clientId", e.generation, true as "awaitingProvider"
    from ready join emails e on e.id = ready.email_id`.execute(trx);
  return rows;
}

const NONE_WAITING = { free: [], someHeld: false } as const;

/** @returns those that nobody holds, and whether there are others among the first. */
async function claimWaiting(
  trx: Trx,
  priority: Priority,
  limit: number,
): Promise<{ readonly free: readonly ClaimedEmail[]; readonly someHeld: boolean }> {
  const rows = await claimDue(trx, { priority, limit });
  const free = rows.filter(({ held }) => !held);
  return { free, someHeld: free.length < rows.length };
}

/** The inner query is what the partial index answers; joined first, the planner might prefer the big table. */
const claimDue = compileOnce(
  (_, { priority, limit }: { priority: Priority; limit: number }) => sql<ClaimedEmail & { readonly held: boolean }>`
    with due as materialized (
      select email_id from email_queue
      where state = 'waiting' and priority = ${priority} and due_at <= now()
      order by due_at limit ${limit} for update skip locked)
    select e.id as "emailId", e.client_id as "clientId", e.generation, false as "awaitingProvider",
      active.id is not null as held
    from due join emails e on e.id = due.email_id left join lateral (${activeHold}) active on true`,
);

/**
 * Touches the queue only: the started workflows lock their e-mails' rows first and the queue's second, so locking
 * `emails` here would be a deadlock.
 */
async function markDispatched(trx: Trx, ids: readonly string[], checkAfterMs: number): Promise<void> {
  await later(trx, markInFlight(trx, { ids, checkAfterS: checkAfterMs / 1000 }));
}

const markInFlight = compileOnce(
  (_, { ids, checkAfterS }: { ids: readonly string[]; checkAfterS: number }) => sql`update email_queue
    set state = 'in_flight', dispatched_at = now(), check_at = now() + make_interval(secs => ${checkAfterS})
    where email_id = any(${ids}::uuid[])`,
);

/** When the next scheduled e-mail of a priority becomes due, in milliseconds; undefined when none waits. */
export async function nextDueInMs(db: Db, priority: Priority): Promise<number | undefined> {
  const { rows } = await sql<{ ms: number }>`
    select extract(epoch from due_at - now())::float8 * 1000 as ms from email_queue
    where state = 'waiting' and priority = ${priority} and due_at > now() order by due_at limit 1`.execute(db);
  return rows[0]?.ms;
}

/** If more than so many await a provider, each is looked at less often than others: a look costs Temporal a call. */
const AWAITING_AT_EASE = 1_000;

/** An e-mail whose workflow the sweep looks at. */
export interface Suspect {
  readonly emailId: string;
  readonly priority: Priority;
  readonly generation: number;
  readonly state: Exclude<QueueState, 'waiting'>;
}

/**
 * Takes e-mails that have been on their way for longer than they should, for a look at their workflows; each is left
 * alone afterwards for a while, so that several dispatchers share the work.
 *
 * @param againAfterMs until the next look at one that is still being handed over.
 */
export async function takeSuspects(db: Db, againAfterMs: number, limit: number): Promise<Suspect[]> {
  const again = sql`make_interval(secs => ${againAfterMs / 1000})`;
  const { rows } = await sql<Suspect>`
    with suspects as materialized (
      select email_id from email_queue where state <> 'waiting' and check_at < now()
      order by check_at limit ${limit} for update skip locked)
    update email_queue q
    set check_at = now() + case state when 'handed_over' then interval '30 minutes'
      when 'awaiting_provider' then ${again} * greatest(1, (select count(*) from email_queue
        where state = 'awaiting_provider') / ${AWAITING_AT_EASE}::float8) else ${again} end
    from suspects where q.email_id = suspects.email_id
    returning q.email_id as "emailId", q.priority, q.generation, q.state`.execute(db);
  return rows;
}

/**
 * Puts an e-mail back among the waiting, in its old place by `due_at`: its workflow is gone, and the dispatcher starts a
 * new one under its limit. Its attempts keep what was sent from being sent again. One that has moved on is left alone.
 */
export async function requeue(db: Db, suspect: Suspect): Promise<void> {
  await db
    .updateTable('email_queue')
    .set({ state: 'waiting', dispatched_at: null, check_at: null })
    .where(entryOf(suspect))
    .execute();
}

/**
 * An operator ended the workflow in Temporal: the e-mail waits in the dead letter store, never restarted by itself. One
 * that has moved on is left alone.
 *
 * @returns its status, if this has ended it.
 */
export async function buryStopped(db: Db, suspect: Suspect, catalogue: StatusCatalogue): Promise<string | undefined> {
  return transact(db, async (trx) => {
    const email = await lockEmail(trx, suspect.emailId);
    const entry = await trx.selectFrom('email_queue').select('state').where(entryOf(suspect)).forUpdate().execute();
    if (entry.length === 0) return undefined;
    if (email && !catalogue.get(email.status)?.final) return bury(trx, email, 'stopped_in_temporal', catalogue);
    await trx.deleteFrom('email_queue').where(entryOf(suspect)).execute();
    return undefined;
  });
}

/** Removes an e-mail from the queue: nothing is left to be done for it. One that has moved on is left alone. */
export async function leaveQueue(db: Db, suspect: Suspect): Promise<void> {
  await db.deleteFrom('email_queue').where(entryOf(suspect)).execute();
}

/** A queue entry as it was when somebody looked at it: between the look and the deed it may have changed. */
const entryOf =
  ({ emailId, generation, state }: Suspect) =>
  ({ and, eb }: ExpressionBuilder<Database, 'email_queue'>) =>
    and([eb('email_id', '=', emailId), eb('generation', '=', generation), eb('state', '=', state)]);
