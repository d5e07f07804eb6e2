import type { Client } from '@temporalio/client';
import type { Logger } from 'pino';
import type { Config } from '../config.js';
import { readTraceparents } from '../domain/emails/traceparents.js';
import { dispatchBatch, nextDueInMs } from '../domain/queue/queue.js';
import { readTimesToFirstCall, type Started } from '../domain/queue/time-to-first-call.js';
import type { Db } from '../postgres/database.js';
import { type PerPriority, PRIORITIES, type Priority, perPriority } from '../priority.js';
import { logStep } from '../process/life-log.js';
import { inSpan, isTracing } from '../process/tracing/tracing.js';
import { startWorkflows } from './start.js';
import { QuickestFirstCall, StartingWindow } from './starting-window.js';

/** A full priority is looked at again after this long: headroom comes without a notification. */
const WHEN_FULL_MS = 60;
/** While no provider admits; also the pace at which probes are dispatched. */
const WHEN_BLOCKED_MS = 500;
/** The polling behind the notifications, which can be missed. */
const WHEN_IDLE_MS = 1_000;
const WINDOWS_MS = 1_000;

/** What starts workflows, and adapts how many may be before their first call. */
export interface Dispatching {
  /** How many bulk e-mails may be before their first call just now, as far as this dispatcher decides. */
  readonly windows: PerPriority<{ readonly size: number }>;
  /** Starts what a priority has headroom for. @returns how long to pause, in milliseconds. */
  dispatch(priority: Priority): Promise<number>;
  /** Adapts the windows. @returns how long to pause, in milliseconds. */
  adaptWindows(): Promise<number>;
  /** Whether one more that waits is a reason to look at a priority: not while the waiting have no headroom. */
  hasHeadroom(priority: Priority): boolean;
}

export function createDispatching(
  config: Pick<Config, 'inFlightLimit' | 'providers' | 'sweep'>,
  db: Db,
  client: Client,
  logger: Logger,
): Dispatching {
  const quickest = new QuickestFirstCall();
  const windows = perPriority((priority) => new StartingWindow(config.inFlightLimit[priority], quickest));
  const withoutHeadroom = new Set<Priority>();
  return {
    windows,
    hasHeadroom: (priority) => !withoutHeadroom.has(priority),
    async dispatch(priority) {
      withoutHeadroom.delete(priority);
      const startedAtMs = Date.now();
      const window = windows[priority];
      const options = {
        limit: config.inFlightLimit[priority],
        // Critical e-mails wait for nothing but the limit; their times tell what is quick.
        window: priority === 'critical' ? undefined : window.size,
        providers: config.providers,
        checkAfterMs: config.sweep.afterMs,
      };
      const { started, windowFull, more, blocked } = await dispatchBatch(db, priority, options, (emails) =>
        startWorkflows(client, priority, emails, logger),
      );
      window.note(started, windowFull);
      if (!isTracing()) for (const { emailId } of started) logStep(logger, 'dispatched', { emailId, priority });
      else await tellDispatched(db, logger, priority, started, startedAtMs);
      if (blocked || more) withoutHeadroom.add(priority);
      if (blocked) return WHEN_BLOCKED_MS;
      if (more) return WHEN_FULL_MS;
      return Math.max(1, Math.min(WHEN_IDLE_MS, (await nextDueInMs(db, priority)) ?? WHEN_IDLE_MS));
    },
    async adaptWindows() {
      for (const priority of PRIORITIES) {
        const { size } = windows[priority];
        await windows[priority].adapt((started) => readTimesToFirstCall(db, started));
        if (priority !== 'critical' && windows[priority].size !== size)
          logger.debug({ priority, size: windows[priority].size }, 'window adapted');
      }
      return WINDOWS_MS;
    },
  };
}

/** Their spans: from when they were claimed to when their workflows had been started, or woken. */
async function tellDispatched(
  db: Db,
  logger: Logger,
  priority: Priority,
  started: readonly Started[],
  startedAtMs: number,
): Promise<void> {
  const ids = started.map(({ emailId }) => emailId);
  // A trace must not keep an e-mail from anything.
  const known = await readTraceparents(db, ids).catch(() => new Map<string, string>());
  for (const emailId of ids) {
    const attributes = { 'tempost.priority': priority };
    await inSpan('dispatch', { emailId, traceparent: known.get(emailId), startedAtMs, attributes }, async () =>
      logStep(logger, 'dispatched', { emailId, priority }),
    );
  }
}
