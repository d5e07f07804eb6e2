import type { Trx } from '../../postgres/transaction.js';
import { appendEvents, type LockedEmail, type NewEvent, type RecordedEvents } from '../emails/events.js';
import type { StatusCatalogue } from '../emails/statuses.js';
import type { EmailChanges } from '../emails/write-events.js';
import { notifySender } from '../notices/notices.js';
import { closeDeadLetter, reopenDeadLetter } from './dead-letter.js';

/**
 * Records what happened to a locked e-mail: appends the events, projects the status, and lets follow what follows from
 * a change of status, whoever the cause is. See `appendEvents` for what goes in and what comes out.
 */
export async function recordEvents(
  trx: Trx,
  email: LockedEmail,
  events: readonly NewEvent[],
  catalogue: StatusCatalogue,
  changes?: EmailChanges,
): Promise<RecordedEvents> {
  const recorded = await appendEvents(trx, email, events, catalogue, changes);
  await react(trx, email, recorded, catalogue);
  return recorded;
}

/** What follows from a change of status: the dead letter store is kept in step, and a sender is told of a failure. */
async function react(
  trx: Trx,
  email: LockedEmail,
  { before, status }: RecordedEvents,
  catalogue: StatusCatalogue,
): Promise<void> {
  if (status === before) return;
  if (before === 'dead') await closeDeadLetter(trx, email.id);
  if (status === 'dead') await reopenDeadLetter(trx, email);
  if (catalogue.get(status)?.told) await notifySender(trx, email, status);
}
