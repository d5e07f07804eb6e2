import { setTimeout as wait } from 'node:timers/promises';
import { Connection } from '@temporalio/client';
import { type Config, temporalTls } from '../../config.js';
import type { Priority } from '../../priority.js';
import { sendQueueOf, workflowQueueOf } from '../../temporal/names.js';

/** Something that is to be ready before the system counts as up. */
export interface Probe {
  readonly name: string;
  /** A failure of the look counts as "not yet". */
  readonly isReady: () => Promise<boolean>;
}

/** `TASK_QUEUE_TYPE_WORKFLOW` and `TASK_QUEUE_TYPE_ACTIVITY` of Temporal's API. */
const WORKFLOW = 1;
const ACTIVITY = 2;
const LOOK_WITHIN_MS = 3_000;

/**
 * Waits until every probe is content, and says at intervals which ones are missing: a process that dies again and
 * again is started again by its supervisor, so waiting never is in vain.
 *
 * @param onWaiting the names still missing, every `everyMs`.
 */
export async function allReady(
  probes: readonly Probe[],
  options: { signal: AbortSignal; everyMs: number; onWaiting: (names: string[]) => void },
): Promise<void> {
  let missing = [...probes];
  let sayAt = Date.now() + options.everyMs;
  while (missing.length > 0) {
    options.signal.throwIfAborted();
    const answers = await Promise.all(missing.map((probe) => probe.isReady().catch(() => false)));
    missing = missing.filter((_, index) => !answers[index]);
    if (missing.length > 0 && Date.now() > sayAt) {
      options.onWaiting(missing.map((probe) => probe.name));
      sayAt = Date.now() + options.everyMs;
    }
    if (missing.length > 0) await wait(100);
  }
}

/** @param anyAnswer whether any answer will do, or only a success. */
export function httpProbe(name: string, url: string, anyAnswer = false): Probe {
  return {
    name,
    async isReady() {
      const answer = await fetch(url, { signal: AbortSignal.timeout(LOOK_WITHIN_MS) });
      await answer.arrayBuffer();
      return answer.ok || anyAnswer;
    },
  };
}

/**
 * A worker is ready when Temporal knows that it asks for work: for the workflows of its priority and for the sends.
 *
 * @param pidOf its process id, by which Temporal tells it from one that is gone.
 */
export function workerProbe(
  connection: Connection,
  namespace: string,
  priority: Priority,
  pidOf: () => number | undefined,
): Probe {
  const isAskedFor = async (name: string, taskQueueType: number) => {
    const { pollers } = await connection.withDeadline(Date.now() + LOOK_WITHIN_MS, () =>
      connection.workflowService.describeTaskQueue({ namespace, taskQueue: { name }, taskQueueType }),
    );
    const mine = `${pidOf()}@`;
    return (pollers ?? []).some(({ identity }) => identity?.startsWith(mine));
  };
  return {
    name: `worker-${priority}`,
    async isReady() {
      const queues = [isAskedFor(workflowQueueOf(priority), WORKFLOW), isAskedFor(sendQueueOf(priority), ACTIVITY)];
      return (await Promise.all(queues)).every(Boolean);
    },
  };
}

/** A connection to ask Temporal by; it is made when it is first needed. */
export function connectForProbes(config: Config): Connection {
  const { address, apiKey } = config.temporal;
  return Connection.lazy({ address, apiKey, tls: temporalTls(config), connectTimeout: LOOK_WITHIN_MS });
}
