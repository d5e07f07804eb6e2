import { type Client, WorkflowNotFoundError } from '@temporalio/client';
import type { Logger } from 'pino';
import { type DueJob, findDueJobs, noteStarted, noteStoppedInTemporal } from '../domain/jobs/due.js';
import type { Db } from '../postgres/database.js';
import { JOB_QUEUE, jobWorkflowIdOf } from '../temporal/names.js';
import type { JobInput } from '../workflows/input.js';
import { WORKFLOW_TASK_TIMEOUT } from './start.js';

const CALL_TIMEOUT_MS = 5_000;

interface JobStarterDependencies {
  readonly db: Db;
  readonly client: Client;
  readonly logger: Logger;
}

/**
 * Starts the workflows of jobs that have none: new ones, resumed ones, and those that Temporal has lost. One that
 * somebody has ended in Temporal stops its job. Several dispatchers may do it at once.
 */
export async function startJobs(dependencies: JobStarterDependencies): Promise<void> {
  for (const job of await findDueJobs(dependencies.db)) await startJob(dependencies, job);
}

async function startJob({ db, client, logger }: JobStarterDependencies, job: DueJob): Promise<void> {
  const { id, kind, isSilent } = job;
  if (isSilent && (await isStoppedInTemporal(client, id))) {
    logger.warn({ jobId: id }, 'a job was stopped in Temporal');
    return noteStoppedInTemporal(db, id);
  }
  const input: JobInput = { jobId: id };
  await client.withDeadline(Date.now() + CALL_TIMEOUT_MS, () =>
    client.workflow.start('job', {
      workflowId: jobWorkflowIdOf(id),
      taskQueue: JOB_QUEUE,
      args: [input],
      workflowIdReusePolicy: 'ALLOW_DUPLICATE',
      workflowIdConflictPolicy: 'USE_EXISTING',
      workflowTaskTimeout: WORKFLOW_TASK_TIMEOUT,
      staticSummary: `job: ${kind}`,
    }),
  );
  await noteStarted(db, id);
}

async function isStoppedInTemporal(client: Client, id: string): Promise<boolean> {
  try {
    const { status } = await client.withDeadline(Date.now() + CALL_TIMEOUT_MS, () =>
      client.workflow.getHandle(jobWorkflowIdOf(id)).describe(),
    );
    return status.name === 'TERMINATED' || status.name === 'CANCELLED';
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return false;
    throw error;
  }
}
