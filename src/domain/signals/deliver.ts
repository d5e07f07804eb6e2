import type { Client } from '@temporalio/client';
import { WorkflowNotFoundError } from '@temporalio/client';
import type { Logger } from 'pino';
import type { Db } from '../../postgres/database.js';
import { type PendingSignal, removeSignals } from './outbox.js';

export { type PendingSignal, signalsOf } from './outbox.js';

import { workflowIdOf } from '../../temporal/names.js';

/** The signal's name, part of the interface; its arguments are a `SignalKind` and, if it holds, `seeRecord`. */
export const PROVIDER_EVENT_SIGNAL = 'providerEvent';

/**
 * Signals to workflows what the record already knows. A workflow that is closed or gone needs no signal: it, or the
 * one that follows it, reads the record. Never throws: what cannot be delivered now stays in `pending_signals`, and the
 * dispatcher tries again.
 *
 * @returns those that were delivered, or that nobody needs any more: to be removed by `removeDelivered`.
 */
export async function deliverSignals(
  client: Client,
  pending: readonly PendingSignal[],
  logger: Pick<Logger, 'warn'>,
): Promise<PendingSignal[]> {
  const delivered = await Promise.all(pending.map((signal) => deliver(client, signal)));
  const done = pending.filter((_, index) => delivered[index]);
  if (done.length < pending.length) logger.warn({ count: pending.length - done.length }, 'signals wait for Temporal');
  return done;
}

/** Removes delivered signals from the outbox. Never throws: to deliver one again is harmless. */
export async function removeDelivered(
  db: Db,
  delivered: readonly PendingSignal[],
  logger: Pick<Logger, 'warn'>,
): Promise<void> {
  try {
    if (delivered.length > 0) await removeSignals(db, delivered);
  } catch (error) {
    logger.warn({ code: (error as { code?: string }).code }, 'signals delivered but not noted; they will be repeated');
  }
}

async function deliver(client: Client, { emailId, kind, seeRecord }: PendingSignal): Promise<boolean> {
  try {
    await client.withDeadline(Date.now() + 5_000, () =>
      client.workflow
        .getHandle(workflowIdOf(emailId))
        .signal(PROVIDER_EVENT_SIGNAL, kind, ...(seeRecord ? [true] : [])),
    );
    return true;
  } catch (error) {
    return error instanceof WorkflowNotFoundError;
  }
}
