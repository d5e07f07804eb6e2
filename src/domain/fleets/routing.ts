import { sql } from 'kysely';
import { announce } from '../../postgres/channels.js';
import type { Db } from '../../postgres/database.js';
import { type Trx, transact } from '../../postgres/transaction.js';
import { PRIORITIES, type Priority } from '../../priority.js';
import type { BuildRouting } from '../../temporal/builds.js';
import { isKnownBuild, liveWorkers } from './builds.js';

/** Where operators want e-mails to begin. */
export interface WantedRouting extends BuildRouting {
  /** What was current before: where a rollback leads. */
  readonly previous: string | null;
  readonly reason: string | null;
  readonly changed_at: Date;
}

/** Why a change of the routing is refused; `done`: it is not. */
export type RoutingOutcome = 'done' | 'unknown' | 'current' | 'nothing' | { readonly without: readonly Priority[] };

/** @returns what operators want; null: nobody has wanted anything, and Temporal's own routing stays as it is. */
export async function wantedRouting(db: Db): Promise<WantedRouting | null> {
  const row = await db.selectFrom('worker_routing').selectAll().executeTakeFirstOrThrow();
  if (!row.changed_at) return null;
  const { ramping_build, ramping_percent } = row;
  return {
    current: row.current_build,
    ramping: ramping_build === null ? null : { build_id: ramping_build, percent: ramping_percent ?? 0 },
    previous: row.previous_build,
    reason: row.reason,
    changed_at: row.changed_at,
  };
}

/**
 * What of the wanted routing may be set now: no e-mail is led from a build that has a worker of its priority to one that has
 * none, where it would wait and keep a place in flight. It is so after a restore of the record, or when workers end.
 *
 * @param current where what begins goes now, in Temporal.
 */
export function fittingRouting(
  wanted: BuildRouting,
  current: string | null,
  live: Awaited<ReturnType<typeof liveWorkers>>,
): BuildRouting {
  const isPoorer = (build: string | null, than: string | null) =>
    withoutWorkers(live, build ?? '').some((priority) => live.get(than ?? '')?.[priority]);
  const fitting = isPoorer(wanted.current, current) ? current : wanted.current;
  const { ramping } = wanted;
  const isRamped = ramping && ramping.build_id !== (fitting ?? '') && !isPoorer(ramping.build_id, fitting);
  return { current: fitting, ramping: isRamped ? ramping : null };
}

/** Has all e-mails begin on a build from now on. */
export function promote(db: Db, buildId: string, reason: string): Promise<RoutingOutcome> {
  return transact(db, async (trx) => {
    const refused = await whyNot(trx, buildId);
    if (refused) return refused;
    const row = await lockedRow(trx);
    const previous = row.current_build === buildId ? row.previous_build : row.current_build;
    await write(trx, { current: buildId, ramping: null }, previous, reason);
    return 'done';
  });
}

/** Has some of a hundred e-mails begin on a build. */
export function ramp(db: Db, buildId: string, percent: number, reason: string): Promise<RoutingOutcome> {
  return transact(db, async (trx) => {
    const refused = await whyNot(trx, buildId);
    if (refused) return refused;
    const row = await lockedRow(trx);
    if (row.current_build === buildId) return 'current';
    await write(
      trx,
      { current: row.current_build, ramping: { build_id: buildId, percent } },
      row.previous_build,
      reason,
    );
    return 'done';
  });
}

/** Takes the last step back: the end of a ramp, or else what was current before. */
export function rollBack(db: Db, reason: string): Promise<RoutingOutcome> {
  return transact(db, async (trx) => {
    const { current_build: current, previous_build: previous, ramping_build: ramping } = await lockedRow(trx);
    if (ramping !== null) {
      await write(trx, { current, ramping: null }, previous, reason);
      return 'done';
    }
    return previous === null ? 'nothing' : promote(trx, previous, reason);
  });
}

/** Has e-mails begin on workers without a build. */
export function unset(db: Db, reason: string): Promise<RoutingOutcome> {
  return transact(db, async (trx) => {
    const without = withoutWorkers(await liveWorkers(trx), '');
    if (without.length > 0) return { without };
    const { current_build: previous } = await lockedRow(trx);
    await write(trx, { current: null, ramping: null }, previous, reason);
    return 'done';
  });
}

/** Has what stays with a build go on with the current one, now and later, so that its workers may end. */
export function retire(db: Db, buildId: string): Promise<RoutingOutcome> {
  return transact(db, async (trx) => {
    if (!(await isKnownBuild(trx, buildId))) return 'unknown';
    const { current_build, ramping_build } = await lockedRow(trx);
    if (buildId === current_build || buildId === ramping_build) return 'current';
    await trx
      .insertInto('retired_builds')
      .values({ build_id: buildId })
      .onConflict((conflict) => conflict.doNothing())
      .execute();
    await announce(trx);
    return 'done';
  });
}

/** What is on its way to a build without workers would wait for them. */
async function whyNot(trx: Trx, buildId: string): Promise<Exclude<RoutingOutcome, 'done'> | null> {
  if (!(await isKnownBuild(trx, buildId))) return 'unknown';
  const without = withoutWorkers(await liveWorkers(trx), buildId);
  return without.length > 0 ? { without } : null;
}

const withoutWorkers = (live: Awaited<ReturnType<typeof liveWorkers>>, buildId: string) =>
  PRIORITIES.filter((priority) => !live.get(buildId)?.[priority]);

/** How it is to be; before anybody has wanted anything, how it was seen. Nobody else changes it until the commit. */
async function lockedRow(trx: Trx) {
  const row = await trx.selectFrom('worker_routing').selectAll().forUpdate().executeTakeFirstOrThrow();
  if (row.changed_at) return row;
  return { ...row, current_build: row.seen_current, ramping_build: row.seen_ramping, previous_build: null };
}

async function write(trx: Trx, { current, ramping }: BuildRouting, previous: string | null, reason: string) {
  await trx
    .updateTable('worker_routing')
    .set({ current_build: current, previous_build: previous, reason, changed_at: sql<Date>`clock_timestamp()` })
    .set({ ramping_build: ramping?.build_id ?? null, ramping_percent: ramping?.percent ?? null })
    .execute();
  // It is used again.
  const used = [current, ramping?.build_id].filter((id) => typeof id === 'string');
  if (used.length > 0) await trx.deleteFrom('retired_builds').where('build_id', 'in', used).execute();
  await announce(trx);
}
