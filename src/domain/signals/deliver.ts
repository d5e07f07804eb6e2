import type { Client } from '@temporalio/client';
import { WorkflowNotFoundError } from '@temporalio/client';
import type { Logger } from 'pino';
import type { Db } from '../../postgres/database.js';
import { forgetSignals, type PendingSignal } from './outbox.js';

export type { PendingSignal } from './outbox.js';

import { workflowIdOf } from '../../temporal/names.js';

/** The signal's name, part of the interface; its one argument is a `SignalKind`. */
export const PROVIDER_EVENT_SIGNAL = 'providerEvent';

/**
 * Tells workflows what the record already knows. A workflow that is closed or gone needs no telling: it, or the one
 * that follows it, reads the record. Never throws: what cannot be delivered now stays in `pending_signals`, and the
 * dispatcher tries again.
 *
 * @returns those that need no telling any more; the word left for them is to be removed by `forgetTold`.
 */
export async function deliverSignals(
  client: Client,
  pending: readonly PendingSignal[],
  logger: Pick<Logger, 'warn'>,
): Promise<PendingSignal[]> {
  const told = await Promise.all(pending.map((signal) => deliver(client, signal)));
  const done = pending.filter((_, index) => told[index]);
  if (done.length < pending.length) logger.warn({ count: pending.length - done.length }, 'signals wait for Temporal');
  return done;
}

/** Removes the word left for workflows that have been told. Never throws: telling again is harmless. */
export async function forgetTold(db: Db, told: readonly PendingSignal[], logger: Pick<Logger, 'warn'>): Promise<void> {
  try {
    if (told.length > 0) await forgetSignals(db, told);
  } catch (error) {
    logger.warn({ code: (error as { code?: string }).code }, 'signals delivered but not noted; they will be repeated');
  }
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
