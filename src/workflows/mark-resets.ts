import { patched, type WorkflowInterceptors, workflowInfo } from '@temporalio/workflow';
import { RESET_MARK } from './reset-mark.js';

/** Whether the run was begun by a reset: its history says under which id the workflow was started. */
const isReset = () => workflowInfo().runId !== workflowInfo().originalExecutionRunId;

/**
 * Marks the runs that a reset began, so that they can be found among all the others by one query. `patched` writes the
 * mark into the history and, by itself, into the search attribute `TemporalChangeVersion`, with the first task that the
 * run does not replay. In a replay it only follows what the history holds; a history that was downloaded is replayed
 * under another id. What was never reset pays nothing.
 */
export const interceptors = (): WorkflowInterceptors => ({
  internals: [
    {
      activate(input, next) {
        const isQuery = input.activation.jobs?.every(({ queryWorkflow }) => queryWorkflow);
        if (!isQuery && (workflowInfo().unsafe.isReplaying || isReset())) patched(RESET_MARK);
        next(input);
      },
    },
  ],
});
