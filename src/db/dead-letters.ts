import type { Transaction } from 'kysely';
import { eventKey, type LockedEmail, recordEvents } from './events.js';
import type { Database, DeadReason } from './schema.js';
import type { StatusCatalogue } from './statuses.js';

/**
 * Moves a locked e-mail's generation to the dead letter store; doing it twice is doing it once.
 *
 * @returns the status it has now: `dead`, unless a provider turns out to have it.
 */
export async function bury(
  trx: Transaction<Database>,
  email: LockedEmail,
  reason: DeadReason,
  catalogue: StatusCatalogue,
): Promise<string> {
  const { id, generation } = email;
  await trx
    .insertInto('dead_emails')
    .values({ email_id: id, generation, reason })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
  await trx.deleteFrom('email_queue').where('email_id', '=', id).execute();
  const event = {
    key: eventKey.ofGeneration('dead', generation),
    type: 'dead',
    generation,
    attempt: null,
    occurredAt: new Date(),
    metadata: { reason },
  };
  return (await recordEvents(trx, email, [event], catalogue)).status;
}
