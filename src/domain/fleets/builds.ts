import { sql } from 'kysely';
import type { Db } from '../../postgres/database.js';
import { transact } from '../../postgres/transaction.js';
import { type PerPriority, PRIORITIES, type Priority, perPriority } from '../../priority.js';
import type { BuildRouting } from '../../temporal/builds.js';
import { listProcesses, SILENT_AFTER } from './heartbeats.js';

/** In the tables: the workers without a build. */
const NONE = '';

/** How much of a priority is with a build, as seen in Temporal. */
interface BuildShare {
  readonly buildId: string | null;
  readonly pinned: PerPriority<number>;
  readonly share: number;
}

/** A build of the workers, for operators. */
export interface BuildView {
  /** Null: the workers without one. */
  readonly build_id: string | null;
  /** Of a hundred e-mails that begin now, how many it gets. */
  readonly share: number;
  /** E-mails under way that stay with it to their end. */
  readonly pinned: PerPriority<number>;
  /** Workers of it that say that they run, and ask for tasks. */
  readonly workers: PerPriority<number>;
  /** Priorities of which something begins on it or stays with it, and no worker runs. */
  readonly missing: readonly Priority[];
  /** E-mails that stay with it and that nobody can continue. */
  readonly stuck: number;
  readonly retired: boolean;
  /** Nothing begins there any more, and nothing is under way, by a look since the last change and not an old one. */
  readonly may_end: boolean;
}

/** What a dispatcher last saw of the builds in Temporal. */
export interface SeenRouting extends BuildRouting {
  readonly at: Date;
}

/** Workers that say that they run, and ask for tasks, by build and priority. */
export async function liveWorkers(db: Db): Promise<ReadonlyMap<string, PerPriority<number>>> {
  const live = new Map<string, Record<Priority, number>>();
  for (const { process, priority, build_id, silent, polling } of await listProcesses(db)) {
    if (process !== 'worker' || priority === null) continue;
    const counts = live.get(build_id ?? NONE) ?? { ...perPriority(() => 0) };
    if (!silent && polling) counts[priority]++;
    live.set(build_id ?? NONE, counts);
  }
  return live;
}

/** Whether a worker of the build was heard of within the hour, or Temporal knows it. */
export async function isKnownBuild(db: Db, buildId: string): Promise<boolean> {
  const { rows } = await sql<{ known: boolean }>`
    select exists (select from process_heartbeats where build_id = ${buildId})
      or exists (select from worker_builds where build_id = ${buildId}) as known`.execute(db);
  return rows[0]?.known ?? false;
}

/**
 * Begins a look into Temporal.
 *
 * @returns the database's time; null when there is nothing to look for: no worker with a build, nor what is left of one.
 */
export async function beginLook(db: Db): Promise<string | null> {
  const { rows } = await sql<{ at: string }>`
    select clock_timestamp()::text as at
    where exists (select from process_heartbeats where build_id is not null)
      or exists (select from worker_builds)
      or exists (select from worker_routing where changed_at is not null)`.execute(db);
  return rows[0]?.at ?? null;
}

/**
 * Keeps what was seen in Temporal; null: it knows no builds. Of several dispatchers the last one is right.
 *
 * @param lookedAt when the look began, as `beginLook` gave it.
 */
export async function keepSeen(
  db: Db,
  seen: (BuildRouting & { readonly shares: readonly BuildShare[] }) | null,
  lookedAt: string,
): Promise<void> {
  await transact(db, async (trx) => {
    await trx
      .updateTable('worker_routing')
      .set({ seen_current: seen?.current ?? null, seen_at: sql<Date>`${lookedAt}::timestamptz` })
      .set({ seen_ramping: seen?.ramping?.build_id ?? null, seen_percent: seen?.ramping?.percent ?? null })
      .execute();
    await trx.deleteFrom('worker_builds').execute();
    const rows = (seen?.shares ?? []).flatMap(({ buildId, pinned, share }) =>
      PRIORITIES.map((priority) => ({ build_id: buildId ?? NONE, priority, pinned: pinned[priority], share })),
    );
    if (rows.length > 0) await trx.insertInto('worker_builds').values(rows).execute();
  });
}

/** @returns null: no dispatcher has looked. */
export async function seenRouting(db: Db): Promise<SeenRouting | null> {
  const row = await db.selectFrom('worker_routing').selectAll().executeTakeFirstOrThrow();
  if (!row.seen_at) return null;
  const { seen_ramping, seen_percent } = row;
  const ramping = seen_ramping === null ? null : { build_id: seen_ramping, percent: seen_percent ?? 0 };
  return { current: row.seen_current, ramping, at: row.seen_at };
}

/** While Temporal or the dispatcher is away, and until it has followed a change, what was seen proves nothing. */
const isFresh = sql<boolean>`coalesce(seen_at > clock_timestamp() - interval '30 seconds'
  and (changed_at is null or seen_at > changed_at), false)`;

/** Every build that runs or that Temporal knows; none while no worker has ever had one. */
export async function listBuilds(db: Db): Promise<BuildView[]> {
  const rows = await db.selectFrom('worker_builds').selectAll().execute();
  const retired = await db.selectFrom('retired_builds').select('build_id').execute();
  const live = await liveWorkers(db);
  const wanted = await db
    .selectFrom('worker_routing')
    .selectAll()
    .select(isFresh.as('is_fresh'))
    .executeTakeFirstOrThrow();
  const ids = new Set([...rows.map(({ build_id }) => build_id), ...live.keys()]);
  if (ids.size === 0 || (ids.size === 1 && ids.has(NONE))) return [];
  const isWanted = (id: string) =>
    id === wanted.ramping_build || (wanted.changed_at !== null && id === (wanted.current_build ?? NONE));
  return [...ids].toSorted().map((id) => {
    const own = rows.filter(({ build_id }) => build_id === id);
    const share = own[0]?.share ?? 0;
    const pinned = perPriority((priority) => own.find((row) => row.priority === priority)?.pinned ?? 0);
    const workers = live.get(id) ?? perPriority(() => 0);
    const missing = PRIORITIES.filter((each) => workers[each] === 0 && (share > 0 || pinned[each] > 0));
    return {
      build_id: id === NONE ? null : id,
      share,
      pinned,
      workers,
      missing,
      stuck: missing.reduce((sum, each) => sum + pinned[each], 0),
      retired: retired.some(({ build_id }) => build_id === id),
      may_end: wanted.is_fresh && share === 0 && !isWanted(id) && PRIORITIES.every((each) => pinned[each] === 0),
    };
  });
}

/** Builds on which e-mails of a priority begin, or with which some stay, and of which no worker of it runs. */
export async function missedBuilds(
  db: Db,
  priority: Priority,
): Promise<{ readonly buildId: string | null; readonly begins: boolean }[]> {
  const { rows } = await sql<{ build_id: string; share: number }>`
    select build_id, share from worker_builds seen
    where priority = ${priority} and (pinned > 0 or share > 0) and not exists (
      select from process_heartbeats h
      where h.process = 'worker' and h.priority = seen.priority and coalesce(h.build_id, '') = seen.build_id
        and h.polling and h.beat_at > clock_timestamp() - ${SILENT_AFTER})
    order by share desc`.execute(db);
  return rows.map(({ build_id, share }) => ({ buildId: build_id === NONE ? null : build_id, begins: share > 0 }));
}

/** Builds with which nothing is to stay. */
export async function retiredBuilds(db: Db): Promise<string[]> {
  const rows = await db.selectFrom('retired_builds').select('build_id').execute();
  return rows.map(({ build_id }) => build_id);
}
