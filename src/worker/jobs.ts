import { Worker, type WorkerOptions } from '@temporalio/worker';
import { createJobActivities, type JobDependencies } from '../activities/run-job-slice.js';
import type { Priority } from '../priority.js';
import type { TemporalLink } from '../temporal/connection.js';
import { JOB_QUEUE } from '../temporal/names.js';
import { STICKY_TIMEOUT } from './fleet.js';

/** Critical's processes are kept free of everything else; of the two others one may be stopped. */
const FLEETS: readonly Priority[] = ['medium', 'low'];

/** A slice ends within a step of being told to, and is begun again elsewhere. */
const GRACE_MS = 2_000;
/** Jobs are few: see `MOST_ACTIVE_JOBS`. */
const AT_ONCE = 4;

interface JobWorkerOptions extends Pick<WorkerOptions, 'workerDeploymentOptions'>, Pick<TemporalLink, 'connection'> {
  readonly namespace: string;
  readonly priority: Priority;
  readonly codePath: string;
}

/** The worker for operators' jobs, in the processes of fleets that have one. */
export async function createJobWorker(
  { connection, namespace, workerDeploymentOptions, priority, codePath }: JobWorkerOptions,
  dependencies: JobDependencies,
): Promise<Worker[]> {
  if (!FLEETS.includes(priority)) return [];
  const worker = await Worker.create({
    connection,
    namespace,
    workerDeploymentOptions,
    taskQueue: JOB_QUEUE,
    shutdownGraceTime: GRACE_MS,
    shutdownForceTime: GRACE_MS + 5_000,
    workflowBundle: { codePath },
    activities: createJobActivities(dependencies),
    stickyQueueScheduleToStartTimeout: STICKY_TIMEOUT,
    maxConcurrentWorkflowTaskExecutions: 2,
    maxConcurrentWorkflowTaskPolls: 2,
    maxConcurrentActivityTaskExecutions: AT_ONCE,
    maxConcurrentActivityTaskPolls: 1,
    maxCachedWorkflows: 20,
  });
  return [worker];
}
