import { sql } from 'kysely';
import { announce } from '../../postgres/channels.js';
import type { Db } from '../../postgres/database.js';
import { type Trx, transact } from '../../postgres/transaction.js';
import { PRIORITIES, type Priority } from '../../priority.js';
import { IN_TEMPORAL, recordAct } from '../audit/record.js';

/** Whether one priority is sent. */
export interface QueueControl {
  readonly priority: Priority;
  /** Since when operators have paused it through us; null when they have not. */
  readonly pausedAt: Date | null;
  readonly reason: string | null;
  /** Since when it has been paused in Temporal, past us. We show that and never lift it. */
  readonly temporalPausedAt: Date | null;
  readonly temporalReason: string | null;
}

/**
 * Stops the sending of some priorities. The dispatcher starts nothing more, and sees to it that Temporal hands out no send.
 * The time until `resume` does not count against any e-mail's lifetime. Pausing a paused priority changes the reason only.
 */
export async function pause(db: Db, priorities: readonly Priority[], reason: string): Promise<void> {
  await change(db, priorities, async (trx) => {
    await trx
      .updateTable('queue_controls')
      .set({ paused_at: sql<Date>`coalesce(paused_at, clock_timestamp())`, reason, changed_at: sql<Date>`now()` })
      .where('priority', 'in', priorities)
      .execute();
  });
}

/** Takes our own pause back. What was paused in Temporal stays paused. */
export async function resume(db: Db, priorities: readonly Priority[]): Promise<void> {
  await change(db, priorities, async (trx) => {
    await trx
      .updateTable('queue_controls')
      .set({ paused_at: null, reason: null, changed_at: sql<Date>`now()` })
      .where('priority', 'in', priorities)
      .where('paused_at', 'is not', null)
      .execute();
  });
}

/** A pause seen in Temporal that is not ours. */
export interface ForeignPause {
  readonly reason: string | null;
  /** By Temporal's clock; null when it does not say. */
  readonly since: Date | null;
}

/**
 * Notes that somebody has paused a priority in Temporal alone, or (null) that nobody has: it stops dispatching, and the
 * clock of the lifetimes, as a pause of ours does. Costs one read when nothing has changed.
 */
export async function noteForeignPause(db: Db, priority: Priority, foreign: ForeignPause | null): Promise<void> {
  if (isKnown(await readQueueControls(db), priority, foreign)) return;
  await change(db, [priority], async (trx) => {
    // Another dispatcher may have been faster.
    if (isKnown(await readQueueControls(trx), priority, foreign)) return;
    const since = sql<Date>`coalesce(temporal_paused_at, least(${foreign?.since ?? null}, clock_timestamp()))`;
    await trx
      .updateTable('queue_controls')
      .set({ temporal_paused_at: foreign ? since : null, temporal_reason: foreign?.reason ?? null })
      .where('priority', '=', priority)
      .execute();
    const action = foreign ? 'queue.pause' : 'queue.resume';
    await recordAct(trx, IN_TEMPORAL, { action, target: { kind: 'queue', id: priority }, reason: foreign?.reason });
  });
}

function isKnown(controls: readonly QueueControl[], priority: Priority, foreign: ForeignPause | null): boolean {
  const known = controls.find((control) => control.priority === priority)!;
  if ((known.temporalPausedAt !== null) !== (foreign !== null)) return false;
  return known.temporalReason === (foreign?.reason ?? null);
}

async function change(db: Db, priorities: readonly Priority[], write: (trx: Trx) => Promise<void>): Promise<void> {
  if (priorities.length === 0) return;
  await transact(db, async (trx) => {
    // Always in the same order, so that two operators at once cannot block each other.
    await sql`select from queue_controls where priority in (${sql.join(priorities)}) order by priority
      for update`.execute(trx);
    await write(trx);
    await keepStops(trx, priorities);
    await announce(trx);
  });
}

/**
 * Opens and closes the stops that lifetimes leave out, as the controls now say. A stop that was found late begins when
 * the pause did, but never inside an earlier one: no time is left out twice.
 */
async function keepStops(trx: Trx, priorities: readonly Priority[]): Promise<void> {
  await sql`update send_stops s set until_at = greatest(s.from_at, clock_timestamp())
    from queue_controls c
    where c.priority = s.priority and s.priority in (${sql.join(priorities)}) and s.cause = 'paused'
      and s.until_at is null and c.paused_at is null and c.temporal_paused_at is null`.execute(trx);
  await sql`insert into send_stops (priority, cause, from_at)
    select c.priority, 'paused', greatest(least(c.paused_at, c.temporal_paused_at),
      (select max(s.until_at) from send_stops s where s.priority = c.priority and s.cause = 'paused'))
    from queue_controls c
    where c.priority in (${sql.join(priorities)}) and (c.paused_at is not null or c.temporal_paused_at is not null)
    on conflict (priority, cause) where until_at is null do nothing`.execute(trx);
}

/** The controls of every priority, most urgent first. */
export async function readQueueControls(db: Db): Promise<QueueControl[]> {
  const rows = await db
    .selectFrom('queue_controls')
    .select([
      'priority',
      'paused_at as pausedAt',
      'reason',
      'temporal_paused_at as temporalPausedAt',
      'temporal_reason as temporalReason',
    ])
    .execute();
  return rows.sort((a, b) => PRIORITIES.indexOf(a.priority) - PRIORITIES.indexOf(b.priority));
}

/** Whether sending of the priority is stopped, by us or in Temporal; for a `select` of any statement. */
export const isPaused = (priority: Priority) => sql<boolean>`exists (select from queue_controls
  where priority = ${priority} and (paused_at is not null or temporal_paused_at is not null))`;
