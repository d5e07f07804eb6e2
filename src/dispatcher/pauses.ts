import type { NativeConnection } from '@temporalio/worker';
import type { Logger } from 'pino';
import { type ForeignPause, noteForeignPause, type QueueControl, readQueueControls } from '../domain/queue/pauses.js';
import type { Db } from '../postgres/database.js';
import type { Priority } from '../priority.js';
import { sendQueueOf } from '../temporal/names.js';

/** How a pause in Temporal is known as ours; a rate that it replaced follows, to be put back. */
const OURS = /^tempost(?: \(before: ([\d.]+)\/s\))?: /;
/** The type ACTIVITY of `temporal.api.enums.v1.TaskQueueType`; workflow queues take no rate of 0. */
const ACTIVITY_QUEUE = 2;
const CALL_TIMEOUT_MS = 3_000;
const IDENTITY = 'tempost-dispatcher';

interface PauseDependencies {
  readonly db: Db;
  readonly connection: NativeConnection;
  readonly namespace: string;
  readonly logger: Logger;
}

/**
 * Makes Temporal's send queues agree with the record: our pauses are set again wherever they are missing, also after
 * Temporal's data was lost, and only our own are lifted. A queue that somebody else has stopped is noted in the record,
 * so that dispatching and lifetimes stop as well.
 *
 * @returns whether any queue is stopped, by whomever.
 */
export async function applyPauses(dependencies: PauseDependencies): Promise<boolean> {
  const controls = await readQueueControls(dependencies.db);
  const stopped = await Promise.all(controls.map((control) => applyPause(dependencies, control)));
  return stopped.some(Boolean);
}

async function applyPause(dependencies: PauseDependencies, control: QueueControl): Promise<boolean> {
  const { db, logger } = dependencies;
  const { priority } = control;
  const limit = await readLimit(dependencies, priority);
  const ours = limit.ratePerS === 0 && OURS.test(limit.reason);
  const foreign = limit.ratePerS === 0 && !ours;
  await noteForeignPause(db, priority, foreign ? foreignPauseOf(limit) : null);
  if (control.pausedAt && !ours && !foreign) {
    const before = limit.ratePerS === undefined ? '' : ` (before: ${limit.ratePerS}/s)`;
    await writeLimit(dependencies, priority, 0, `tempost${before}: ${control.reason}`);
    logger.info({ priority }, 'the send queue is paused');
  } else if (!control.pausedAt && ours) {
    const [, before] = OURS.exec(limit.reason) ?? [];
    await writeLimit(dependencies, priority, before === undefined ? undefined : Number(before), '');
    logger.info({ priority }, 'the send queue is resumed');
  }
  return control.pausedAt !== null || foreign;
}

/** A send queue's rate limit in Temporal. */
interface Limit {
  /** Undefined when none is set. */
  readonly ratePerS?: number;
  readonly reason: string;
  readonly since: Date | null;
}

const foreignPauseOf = ({ reason, since }: Limit): ForeignPause => ({ reason: reason || null, since });

async function readLimit({ connection, namespace }: PauseDependencies, priority: Priority): Promise<Limit> {
  const { config } = await connection.withDeadline(Date.now() + CALL_TIMEOUT_MS, () =>
    connection.workflowService.describeTaskQueue({
      namespace,
      taskQueue: { name: sendQueueOf(priority) },
      taskQueueType: ACTIVITY_QUEUE,
      reportConfig: true,
    }),
  );
  const { rateLimit, metadata } = config?.queueRateLimit ?? {};
  const seconds = metadata?.updateTime?.seconds;
  return {
    // A rate of 0 reads back as a limit without a rate.
    ratePerS: rateLimit ? (rateLimit.requestsPerSecond ?? 0) : undefined,
    reason: metadata?.reason ?? '',
    since: seconds ? new Date(Number(seconds) * 1000) : null,
  };
}

/** @param ratePerS undefined takes the limit away. */
async function writeLimit(
  { connection, namespace }: PauseDependencies,
  priority: Priority,
  ratePerS: number | undefined,
  reason: string,
): Promise<void> {
  await connection.withDeadline(Date.now() + CALL_TIMEOUT_MS, () =>
    connection.workflowService.updateTaskQueueConfig({
      namespace,
      identity: IDENTITY,
      taskQueue: sendQueueOf(priority),
      taskQueueType: ACTIVITY_QUEUE,
      updateQueueRateLimit: { rateLimit: ratePerS === undefined ? undefined : { requestsPerSecond: ratePerS }, reason },
    }),
  );
}
