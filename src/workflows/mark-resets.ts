import { deprecatePatch, type WorkflowInterceptors, workflowInfo } from '@temporalio/workflow';
import { RESET_MARK } from './reset-mark.js';

/** Whether the run was begun by a reset: its history says under which id the workflow was started. */
const isReset = () => workflowInfo().runId !== workflowInfo().originalExecutionRunId;

/**
 * Marks the runs that a reset began, so that they can be found among all the others by one query. The mark is written
 * into the history and, by Temporal's SDK, into the search attribute `TemporalChangeVersion`, with the first task that the
 * run does not replay; as a deprecated one, which the release before replays though it knows nothing of it. In a replay it
 * only follows what the history holds; a history that was downloaded is replayed under another id. What was never reset
 * pays nothing.
 */
export const interceptors = (): WorkflowInterceptors => ({
  internals: [
    {
      activate(input, next) {
        const isQuery = input.activation.jobs?.every(({ queryWorkflow }) => queryWorkflow);
        if (!isQuery && (workflowInfo().unsafe.isReplaying || isReset())) deprecatePatch(RESET_MARK);
        next(input);
      },
    },
  ],
});
