import type { Worker, WorkerOptions } from '@temporalio/worker';
import type { Vitals } from '../domain/fleets/heartbeats.js';
import type { TemporalLink } from '../temporal/connection.js';
import type { FleetSize } from './fleet.js';
import { type FleetWorkers, slotsOf } from './metrics.js';

/** Notes when a process last got a task: a step of an e-mail, or a call to a provider. */
export class LastTask {
  private at: number | undefined;

  /** For each worker of the process. */
  readonly interceptors: WorkerOptions['interceptors'] = {
    activity: [
      () => {
        this.at = performance.now();
        return {};
      },
    ],
  };

  /** @returns null: none yet. */
  ageMs(): number | null {
    return this.at === undefined ? null : performance.now() - this.at;
  }
}

/** The sends' worker has no workflows: its poller for them has ended. */
function isPolling(worker: Worker): boolean {
  const { runState, activityPollerState, workflowPollerState } = worker.getStatus();
  return runState === 'RUNNING' && activityPollerState === 'POLLING' && workflowPollerState !== 'FAILED';
}

const each = ({ workflows, sends }: FleetWorkers) => [workflows, sends];

/** @throws when a worker has ended by itself: the process will never ask it for a task again. */
export function assertNotFailed(workers: FleetWorkers): void {
  if (each(workers).some((worker) => worker.getState() === 'FAILED')) throw new Error('a worker has failed');
}

/** @throws while a worker asks Temporal for no tasks. */
export function assertPolling(workers: FleetWorkers): void {
  if (!each(workers).every(isPolling)) throw new Error('a worker does not poll');
}

/** What a worker process says of itself. A poller that runs asks in vain while Temporal does not answer. */
export async function readVitals(
  workers: FleetWorkers,
  size: FleetSize,
  lastTask: LastTask,
  temporal: Pick<TemporalLink, 'ping'>,
): Promise<Vitals> {
  const { send } = slotsOf(workers, size);
  const answers = await temporal.ping().then(
    () => true,
    () => false,
  );
  return {
    polling: answers && each(workers).every(isPolling),
    slotsUsed: send.used,
    slots: send.slots,
    lastTaskMsAgo: lastTask.ageMs(),
  };
}
