import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import type { WorkflowHandleWithFirstExecutionRunId } from '@temporalio/client';
import { NativeConnection, Worker } from '@temporalio/worker';
import { afterAll, beforeAll } from 'vitest';
import type { JobActivities } from '../../../src/activities/types.js';
import type { Progress } from '../../../src/domain/jobs/run-slice.js';
import { JOB_QUEUE, jobWorkflowIdOf } from '../../../src/temporal/names.js';
import type { TestNamespace } from '../temporal.js';

const BUNDLE = fileURLToPath(new URL('../../../dist/workflow-bundle.js', import.meta.url));

/** What a job's slice does, told how many were tried before it. */
type Slice = (before: number) => Promise<Progress>;

/** Where a job is that goes on, or has come to its end. */
export const progress = (state: Progress['state'], stepped = 0): Progress => ({ state, matched: 300, stepped });

/**
 * Runs the workflow of jobs on a real Temporal server, with slices by a script: what would take the real ones a quarter of
 * an hour, or a fault of the machine.
 *
 * @returns what starts a job.
 */
export function scriptJobs(
  temporal: () => TestNamespace,
): (slice: Slice) => Promise<WorkflowHandleWithFirstExecutionRunId> {
  let connection: NativeConnection;
  let worker: Worker;
  let running: Promise<void>;
  const scripts = new Map<string, { readonly slice: Slice; tries: number }>();
  const activities: JobActivities = {
    async runJobSlice(jobId) {
      const script = scripts.get(jobId)!;
      return script.slice(script.tries++);
    },
  };
  beforeAll(async () => {
    const { address, namespace } = temporal();
    connection = await NativeConnection.connect({ address });
    const workflowBundle = { codePath: BUNDLE };
    worker = await Worker.create({ connection, namespace, taskQueue: JOB_QUEUE, workflowBundle, activities });
    running = worker.run();
  });
  afterAll(async () => {
    worker?.shutdown();
    await running;
    await connection?.close();
  });
  return async (slice) => {
    const jobId = randomUUID();
    scripts.set(jobId, { slice, tries: 0 });
    const workflowId = jobWorkflowIdOf(jobId);
    return temporal().client.workflow.start('job', { workflowId, taskQueue: JOB_QUEUE, args: [{ jobId }] });
  };
}
