import { setTimeout } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { LazyTemporal } from '../temporal/lazy-connection.js';
import { workflowIdOf } from '../temporal/names.js';

/** The workflow's updates: look at the record again; do not wait for the end of the back-off. */
type WakeUpdate = 'cancel' | 'retryNow';

export interface WorkflowWaker {
  /** Wakes an e-mail's workflow, in the background. Never throws: the record decides, waking only makes it sooner. */
  wake(emailId: string, update: WakeUpdate): void;
  /** Waits a little for what is under way. */
  stop(): Promise<void>;
}

const PATIENCE_MS = 5_000;

/** Wakes workflows through a connection that is made when it is first needed. */
export function createWorkflowWaker(temporal: LazyTemporal, logger: Pick<Logger, 'warn'>): WorkflowWaker {
  const running = new Set<Promise<void>>();

  const send = async (emailId: string, update: WakeUpdate) => {
    try {
      const { client } = await temporal.link();
      await client.withDeadline(Date.now() + PATIENCE_MS, () =>
        client.workflow.getHandle(workflowIdOf(emailId)).executeUpdate<void, []>(update),
      );
    } catch (error) {
      const { name } = error as Error;
      logger.warn({ emailId, update, code: name }, 'a workflow could not be woken');
    }
  };
  return {
    wake(emailId, update) {
      const task = send(emailId, update).finally(() => running.delete(task));
      running.add(task);
    },
    async stop() {
      await Promise.race([Promise.all(running), setTimeout(PATIENCE_MS, undefined, { ref: false })]);
      await temporal.close();
    },
  };
}
