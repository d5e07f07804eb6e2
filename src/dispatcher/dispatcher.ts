import type { Logger } from 'pino';
import type { Config } from '../config.js';
import { loadStatuses } from '../domain/emails/statuses.js';
import { sendDigests, setNoticePolicy } from '../domain/notices/notices.js';
import { dispatchBatch, nextDueInMs } from '../domain/queue/queue.js';
import { readWays } from '../domain/queue/time-to-first-call.js';
import { deliverSignals, forgetTold } from '../domain/signals/deliver.js';
import { takePendingSignals } from '../domain/signals/outbox.js';
import { matchUnmatched } from '../domain/tracking/unmatched.js';
import type { Db } from '../postgres/database.js';
import { type PerPriority, PRIORITIES, type Priority, perPriority } from '../priority.js';
import { repeat } from '../process/loop.js';
import type { Stop } from '../process/service.js';
import type { TemporalLink } from '../temporal/connection.js';
import { keepHouse } from './housekeeping.js';
import { listen } from './listener.js';
import { applyPauses } from './pauses.js';
import { registerSearchAttributes } from './search-attributes.js';
import { startWorkflows } from './start.js';
import { QuickestWay, StartingWindow } from './starting-window.js';
import { finishUploads, sweep } from './sweep.js';
import { createBreakerWatch } from './watch-breakers.js';
import { watchNamespace } from './watch-namespace.js';

/** A full priority is looked at again after this long: places become free without a notification. */
const WHEN_FULL_MS = 60;
/** While no provider admits; also the pace at which probes are dispatched. */
const WHEN_BLOCKED_MS = 500;
/** The polling behind the notifications, which can be missed. */
const WHEN_IDLE_MS = 1_000;
const WINDOWS_MS = 1_000;
/** How soon a pause made in Temporal alone is seen. */
const PAUSES_MS = 1_000;
/** A breaker that opens stays so for longer. */
const BREAKERS_MS = 1_000;
const SIGNALS_BATCH = 200;
/** Events that named no e-mail are looked for again at this pace; their first look was when they came. */
const MATCHING_MS = 5_000;
const MATCHING_BATCH = 50;
const DIGESTS_MS = 60_000;
const DIGESTS_BATCH = 20;
const HOUSEKEEPING_MS = 10 * 60_000;

/** A dispatcher that runs. */
export interface Dispatcher {
  /** How many bulk e-mails may be on their way to their first call just now, as far as this dispatcher decides. */
  readonly windows: PerPriority<{ readonly size: number }>;
  readonly stop: Stop;
}

/**
 * Runs the dispatcher: one loop a priority that starts workflows, so that critical never waits for a batch of low; one
 * that adapts how many may be on their way; one that keeps pauses in Temporal and in the record alike; one that says
 * when breakers open and close; one that tells workflows what they have missed; one that sweeps for lost workflows; one that finishes uploads lost with theirs; one
 * that tells senders what was too much to tell at once; one that finds whose events are that named no e-mail; one that keeps house.
 * Several dispatchers may run side by side.
 */
export async function startDispatcher(
  config: Config,
  db: Db,
  temporal: TemporalLink,
  logger: Logger,
): Promise<Dispatcher> {
  const { client } = temporal;
  const catalogue = await loadStatuses(db);
  await setNoticePolicy(db, { ...config.notices, deadlineMs: config.deadlineMs.medium });
  await registerSearchAttributes(temporal.connection, config.temporal.namespace, logger);

  const quickest = new QuickestWay();
  const windows = perPriority((priority) => new StartingWindow(config.inFlightCap[priority], quickest));
  // While the waiting have no room, one more of them is no reason to look again.
  const withoutRoom = new Set<Priority>();
  const dispatch = async (priority: Priority): Promise<number> => {
    withoutRoom.delete(priority);
    const window = windows[priority];
    const options = {
      cap: config.inFlightCap[priority],
      // Critical e-mails wait for nothing but the cap; their ways tell what is quick.
      window: priority === 'critical' ? undefined : window.size,
      providers: config.providers,
      checkAfterMs: config.sweep.afterMs,
    };
    const { started, windowFull, more, blocked } = await dispatchBatch(db, priority, options, (emails) =>
      startWorkflows(client, priority, emails, logger),
    );
    window.note(started, windowFull);
    if (started.length > 0) logger.debug({ priority, started: started.length }, 'dispatched');
    if (blocked || more) withoutRoom.add(priority);
    if (blocked) return WHEN_BLOCKED_MS;
    if (more) return WHEN_FULL_MS;
    return Math.max(1, Math.min(WHEN_IDLE_MS, (await nextDueInMs(db, priority)) ?? WHEN_IDLE_MS));
  };
  const adaptWindows = async (): Promise<number> => {
    for (const priority of PRIORITIES) {
      const { size } = windows[priority];
      await windows[priority].adapt((started) => readWays(db, started));
      if (priority !== 'critical' && windows[priority].size !== size)
        logger.debug({ priority, size: windows[priority].size }, 'window adapted');
    }
    return WINDOWS_MS;
  };
  const signals = async (): Promise<number> => {
    const pending = await takePendingSignals(db, SIGNALS_BATCH);
    if (pending.length > 0) await forgetTold(db, await deliverSignals(client, pending, logger), logger);
    return pending.length === SIGNALS_BATCH ? 0 : WHEN_IDLE_MS;
  };
  const matching = async (): Promise<number> =>
    (await matchUnmatched(db, catalogue, MATCHING_BATCH)) === MATCHING_BATCH ? 0 : MATCHING_MS;
  const digests = async (): Promise<number> =>
    (await sendDigests(db, DIGESTS_BATCH)) === DIGESTS_BATCH ? 0 : DIGESTS_MS;
  const againAfterMs = config.sweep.afterMs;
  const uploads = () => finishUploads({ db, client, logger, againAfterMs }).then(() => againAfterMs);
  const sweeping = async (): Promise<number> => {
    await watchNamespace(temporal, db, config.temporal.namespace, logger);
    const { full } = await sweep({ db, client, catalogue, logger, againAfterMs });
    return full ? 0 : config.sweep.intervalMs;
  };

  const dispatching = perPriority((priority) => repeat(`dispatch ${priority}`, () => dispatch(priority), logger));
  const { namespace } = config.temporal;
  const applying = { db, connection: temporal.connection, namespace, logger };
  const watchBreakers = createBreakerWatch(db, logger);
  const pauses = repeat('pauses', () => applyPauses(applying).then(() => PAUSES_MS), logger);
  const others = [
    pauses,
    repeat('windows', adaptWindows, logger),
    repeat('breakers', () => watchBreakers().then(() => BREAKERS_MS), logger),
    repeat('signals', signals, logger),
    repeat('matching', matching, logger),
    repeat('sweep', sweeping, logger),
    repeat('uploads', uploads, logger),
    repeat('digests', digests, logger),
    repeat('housekeeping', () => keepHouse(db).then(() => HOUSEKEEPING_MS), logger),
  ];
  const listener = listen(
    config.database.url,
    (priority) => {
      if (priority && withoutRoom.has(priority)) return;
      for (const each of priority ? [priority] : PRIORITIES) dispatching[each].wake();
      if (!priority) pauses.wake();
    },
    logger,
  );
  const stop = async () => {
    await listener.stop();
    await Promise.all([...Object.values(dispatching), ...others].map((loop) => loop.stop()));
  };
  return { windows, stop };
}
