import type { Db } from '../../postgres/database.js';
import { transact } from '../../postgres/transaction.js';
import { generationEvent, lockEmail } from '../emails/events.js';
import type { StatusCatalogue } from '../emails/statuses.js';
import { suppressReceiver } from '../suppressions/suppressions.js';
import { recordEvents } from '../transitions/record.js';
import { hasItsToken, type UnsubscribeReference } from './unsubscribe-link.js';

/**
 * Unsubscribes the receiver of a bulk e-mail: suppresses the address for its client's bulk and records the event, in one
 * transaction. A repetition changes nothing. The link's token proves that the receiver asked for it.
 *
 * @returns false when there is no bulk e-mail that the link is of.
 */
export async function unsubscribe(
  db: Db,
  reference: UnsubscribeReference,
  catalogue: StatusCatalogue,
): Promise<boolean> {
  if (!(await canUnsubscribe(db, reference))) return false;
  const { emailId } = reference;
  return transact(db, async (trx) => {
    const email = await lockEmail(trx, emailId);
    if (!email) return false;
    const generation = reference.generation ?? email.generation;
    // No status: the e-mail itself stays what it is.
    const event = { ...generationEvent(generation, 'unsubscribed'), key: 'tempost:unsubscribed' };
    await recordEvents(trx, email, [event], catalogue);
    await suppressReceiver(trx, emailId, generation, 'unsubscribed');
    return true;
  });
}

/**
 * Whether a link is one that can be unsubscribed with. E-mails of a release without tokens have links of their id alone;
 * these go on working, since a receiver may come back to an e-mail after months.
 */
export async function canUnsubscribe(db: Db, reference: UnsubscribeReference): Promise<boolean> {
  const email = await db
    .selectFrom('emails')
    .innerJoin('unsubscribe_key', (join) => join.onTrue())
    .select(['created_at', 'key', 'id_alone_until'])
    .where('id', '=', reference.emailId)
    .where('priority', '=', 'low')
    .executeTakeFirst();
  if (!email) return false;
  return reference.token === null ? email.created_at < email.id_alone_until : hasItsToken(email.key, reference);
}
