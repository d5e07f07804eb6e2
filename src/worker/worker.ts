import { fileURLToPath } from 'node:url';
import { Worker, type WorkerOptions } from '@temporalio/worker';
import { type ActivityDependencies, createRecordActivities, createSendActivities } from '../activities/index.js';
import type { Config } from '../config.js';
import type { Stop } from '../process/service.js';
import type { TemporalLink } from '../temporal/connection.js';
import { sendQueueOf, workflowQueueOf } from '../temporal/names.js';
import { workerBuild } from '../temporal/worker-build.js';
import { FLEET_SIZES, STICKY_TIMEOUT } from './fleet.js';
import { createJobWorker } from './jobs.js';
import type { FleetWorkers } from './metrics.js';
import { startObjectRemovals } from './object-removals.js';
import { startProbes } from './probes.js';
import { LastTask } from './vitals.js';

/** Built by `npm run build`: bundling takes a second that no worker should spend at its start. */
const WORKFLOW_BUNDLE = fileURLToPath(new URL('../../workflow-bundle.js', import.meta.url));

const UPLOAD_GRACE_MS = 2_000;

/** A process of a fleet that runs. */
interface RunningWorker {
  readonly workers: FleetWorkers;
  readonly lastTask: LastTask;
  readonly stop: Stop;
}

/**
 * Runs one process of a priority's fleet: a worker for the workflows on `email-<priority>`, with the steps that touch
 * only the record and the storage, one for the provider calls on `send-<priority>`, and in some fleets one for operators'
 * jobs. It also takes part in probing providers that have failed.
 *
 * @param onFailure called when a worker ends by itself: the process is of no use then.
 */
export async function startWorker(
  config: Config,
  temporal: TemporalLink,
  dependencies: ActivityDependencies,
  onFailure: (error: unknown) => void,
): Promise<RunningWorker> {
  const { priority } = dependencies;
  const size = FLEET_SIZES[priority];
  const lastTask = new LastTask();
  const common = {
    ...workerBuild(config.temporal, 'PINNED'),
    connection: temporal.connection,
    namespace: config.temporal.namespace,
    interceptors: lastTask.interceptors,
  } satisfies Partial<WorkerOptions>;
  const sends = await Worker.create({
    ...common,
    taskQueue: sendQueueOf(priority),
    // Sends that have begun finish and are written down; the time is longer than the longest call.
    shutdownGraceTime: config.shutdownGraceMs,
    shutdownForceTime: config.shutdownGraceMs + 5_000,
    activities: createSendActivities(dependencies),
    maxConcurrentActivityTaskExecutions: size.sendSlots,
    maxConcurrentActivityTaskPolls: size.pollers,
  });
  const workflows = await Worker.create({
    ...common,
    taskQueue: workflowQueueOf(priority),
    // Uploads are cancelled and begun again elsewhere: they may be repeated.
    shutdownGraceTime: UPLOAD_GRACE_MS,
    shutdownForceTime: UPLOAD_GRACE_MS + 5_000,
    workflowBundle: { codePath: WORKFLOW_BUNDLE },
    activities: createRecordActivities(dependencies),
    stickyQueueScheduleToStartTimeout: STICKY_TIMEOUT,
    maxConcurrentWorkflowTaskExecutions: size.workflowSlots,
    maxConcurrentWorkflowTaskPolls: size.pollers,
    maxConcurrentActivityTaskExecutions: size.uploadSlots,
    maxConcurrentActivityTaskPolls: 1,
    maxCachedWorkflows: size.cachedWorkflows,
  });
  const jobs = await createJobWorker(
    // A job holds nothing but its id: it follows the current build, and keeps no old fleet.
    { ...common, ...workerBuild(config.temporal, 'AUTO_UPGRADE'), priority, codePath: WORKFLOW_BUNDLE },
    { ...dependencies, client: temporal.client },
  );
  const workers = [workflows, sends, ...jobs];
  const running = workers.map((worker) => worker.run());
  for (const run of running) run.catch(onFailure);
  const probes = startProbes(dependencies);
  const removals = startObjectRemovals(dependencies);
  const stop = async () => {
    await Promise.all([probes.stop(), removals.stop()]);
    for (const worker of workers) if (worker.getState() === 'RUNNING') worker.shutdown();
    await Promise.allSettled(running);
  };
  return { workers: { workflows, sends }, lastTask, stop };
}
