import type { Logger } from 'pino';
import { beginLook, keepSeen, liveWorkers, missedBuilds, retiredBuilds } from '../domain/fleets/builds.js';
import { fittingRouting, wantedRouting } from '../domain/fleets/routing.js';
import { openRecovery } from '../domain/recovery/recoveries.js';
import type { Db } from '../postgres/database.js';
import { PRIORITIES, perPriority } from '../priority.js';
import { inParallel } from '../process/parallel.js';
import {
  type BuildRouting,
  countPinned,
  isSameRouting,
  listPinned,
  moveTo,
  readRouting,
  setRouting,
} from '../temporal/builds.js';
import type { TemporalLink } from '../temporal/connection.js';

/** How many workflows of a retired build are moved at a time, and side by side. */
const BATCH = 200;
const AT_ONCE = 20;

interface BuildDependencies {
  readonly db: Db;
  readonly temporal: Pick<TemporalLink, 'client' | 'connection'>;
  readonly namespace: string;
  readonly logger: Pick<Logger, 'info' | 'warn'>;
}

/**
 * Makes Temporal's routing agree with the record, also after Temporal's data were lost; notes what stays with which
 * build; moves what stays with a retired one. Nobody has a build: it asks the record once, and Temporal nothing. While a
 * recovery is open the record may want what was right before the restore: nothing is set and nothing moved.
 *
 * @returns whether there is more to move.
 * @throws when Temporal does not answer.
 */
export async function keepBuilds(dependencies: BuildDependencies): Promise<boolean> {
  const { db, temporal, namespace, logger } = dependencies;
  const lookedAt = await beginLook(db);
  if (lookedAt === null) return false;
  const recovering = (await openRecovery(db)) !== undefined;
  const before = await readRouting(temporal, namespace);
  const mayDiffer = !recovering && (await applyRouting(dependencies, before));
  const seen = mayDiffer ? await readRouting(temporal, namespace) : before;
  const shares = seen && [
    { buildId: null, pinned: perPriority(() => 0), share: shareOf(null, seen) },
    ...(await Promise.all(
      seen.builds.map(async (buildId) => {
        return { buildId, pinned: await pinnedByPriority(temporal, buildId), share: shareOf(buildId, seen) };
      }),
    )),
  ];
  await keepSeen(db, seen && shares && { ...seen, shares }, lookedAt);
  for (const priority of PRIORITIES) {
    for (const { buildId, begins } of await missedBuilds(db, priority)) {
      logger.warn({ build: buildId ?? 'none', priority, begins }, 'a build that is needed has no worker');
    }
  }
  if (recovering) return false;
  const target = seen?.current ?? null;
  const left = (await retiredBuilds(db)).filter((id) => id !== target);
  return (await Promise.all(left.map((id) => move(dependencies, id, target)))).some(Boolean);
}

/** Temporal's own routing stays until an operator has wanted something of us. @returns whether it may have changed. */
async function applyRouting(
  { db, temporal, namespace, logger }: BuildDependencies,
  before: BuildRouting | null,
): Promise<boolean> {
  const wanted = await wantedRouting(db);
  if (!wanted) return false;
  const seen = before ?? { current: null, ramping: null };
  const fitting = fittingRouting(wanted, seen.current, await liveWorkers(db));
  if (!isSameRouting(fitting, wanted)) {
    const unfit = { build: wanted.current ?? 'none', ramping: wanted.ramping?.build_id };
    logger.warn(unfit, 'e-mails do not begin where operators want: a build of theirs has no worker of a priority');
  }
  if (isSameRouting(seen, fitting)) return false;
  const about = { build: fitting.current ?? 'none', ramping: fitting.ramping?.build_id };
  if (await setRouting(temporal, namespace, fitting)) logger.info(about, 'e-mails begin on another build');
  else logger.warn(about, 'Temporal does not know the build on which e-mails are to begin');
  return true;
}

function shareOf(buildId: string | null, { current, ramping }: BuildRouting): number {
  if (ramping && ramping.build_id === (buildId ?? '')) return ramping.percent;
  return current === buildId ? 100 - (ramping?.percent ?? 0) : 0;
}

async function pinnedByPriority(temporal: BuildDependencies['temporal'], buildId: string) {
  // Most builds that Temporal remembers are over: of those one count is enough.
  if ((await countPinned(temporal, buildId)) === 0) return perPriority(() => 0);
  const counts = await Promise.all(PRIORITIES.map((priority) => countPinned(temporal, buildId, priority)));
  return perPriority((priority) => counts[PRIORITIES.indexOf(priority)]!);
}

/** @returns whether there may be more. */
async function move(
  { temporal, namespace, logger }: BuildDependencies,
  buildId: string,
  target: string | null,
): Promise<boolean> {
  const ids = await listPinned(temporal, buildId, BATCH);
  await inParallel(ids.length, AT_ONCE, (n) => moveTo(temporal, namespace, ids[n]!, target));
  if (ids.length > 0) logger.info({ build: buildId, to: target ?? 'none', count: ids.length }, 'workflows were moved');
  return ids.length === BATCH;
}
