import type { Client } from '@temporalio/client';
import { WorkflowNotFoundError } from '@temporalio/client';
import type { Logger } from 'pino';
import type { Db } from './db/database.js';
import { forgetSignals, type PendingSignal } from './db/pending-signals.js';

export type { PendingSignal } from './db/pending-signals.js';

import { workflowIdOf } from './priority.js';

/** The signal's name in `contract.md`; its one argument is a `SignalKind`. */
export const PROVIDER_EVENT_SIGNAL = 'providerEvent';

/**
 * Tells workflows what the record already knows, and removes the word left for each one told. A workflow that is
 * closed or gone needs no telling: it, or the one that follows it, reads the record. Never throws: what cannot be
 * delivered now stays in `pending_signals`, and the dispatcher tries again.
 */
export async function deliverSignals(
  db: Db,
  client: Client,
  pending: readonly PendingSignal[],
  logger: Pick<Logger, 'warn'>,
): Promise<void> {
  const told = await Promise.all(pending.map((signal) => deliver(client, signal)));
  const done = pending.filter((_, index) => told[index]);
  try {
    if (done.length > 0) await forgetSignals(db, done);
  } catch (error) {
    logger.warn({ code: (error as { code?: string }).code }, 'signals delivered but not noted; they will be repeated');
  }
  if (done.length < pending.length) logger.warn({ count: pending.length - done.length }, 'signals wait for Temporal');
}

async function deliver(client: Client, { emailId, kind }: PendingSignal): Promise<boolean> {
  try {
    await client.withDeadline(Date.now() + 5_000, () =>
      client.workflow.getHandle(workflowIdOf(emailId)).signal(PROVIDER_EVENT_SIGNAL, kind),
    );
    return true;
  } catch (error) {
    return error instanceof WorkflowNotFoundError;
  }
}
