import { setTimeout } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { LazyTemporal } from '../temporal/lazy-connection.js';
import { workflowIdOf } from '../temporal/names.js';

/** The workflow's updates: look at the record again; do not wait for the end of the back-off. */
export type Nudge = 'cancel' | 'retryNow';

export interface Nudger {
  /** Wakes an e-mail's workflow, in the background. Never throws: the record decides, waking only makes it sooner. */
  nudge(emailId: string, nudge: Nudge): void;
  /** Waits a little for what is under way. */
  stop(): Promise<void>;
}

const PATIENCE_MS = 5_000;

/** Wakes workflows through a connection that is made when it is first needed. */
export function createNudger(temporal: LazyTemporal, logger: Pick<Logger, 'warn'>): Nudger {
  const running = new Set<Promise<void>>();

  const wake = async (emailId: string, nudge: Nudge) => {
    try {
      const { client } = await temporal.link();
      await client.withDeadline(Date.now() + PATIENCE_MS, () =>
        client.workflow.getHandle(workflowIdOf(emailId)).executeUpdate<void, []>(nudge),
      );
    } catch (error) {
      const { name } = error as Error;
      logger.warn({ emailId, nudge, code: name }, 'a workflow could not be woken');
    }
  };
  return {
    nudge(emailId, nudge) {
      const task = wake(emailId, nudge).finally(() => running.delete(task));
      running.add(task);
    },
    async stop() {
      await Promise.race([Promise.all(running), setTimeout(PATIENCE_MS, undefined, { ref: false })]);
      await temporal.close();
    },
  };
}
