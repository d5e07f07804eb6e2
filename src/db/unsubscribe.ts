import type { Db } from './database.js';
import { generationEvent, lockEmail, recordEvents } from './events.js';
import type { StatusCatalogue } from './statuses.js';
import { suppressReceiver } from './suppressions.js';
import { transact } from './transaction.js';

/**
 * The receiver of a bulk e-mail wants no more: the address is suppressed for its client, and the event recorded, in one
 * transaction; doing it twice is doing it once. The e-mail's id is the proof: 74 random bits that only its receiver,
 * its client and we have seen, and all it opens is this.
 *
 * @param emailId a UUID.
 * @returns false when there is no bulk e-mail of that id.
 */
export async function unsubscribe(db: Db, emailId: string, catalogue: StatusCatalogue): Promise<boolean> {
  if (!(await canUnsubscribe(db, emailId))) return false;
  return transact(db, async (trx) => {
    const email = await lockEmail(trx, emailId);
    if (!email) return false;
    // No status: the e-mail itself stays what it is.
    const event = { ...generationEvent(email.generation, 'unsubscribed'), key: 'tempost:unsubscribed' };
    await recordEvents(trx, email, [event], catalogue);
    await suppressReceiver(trx, emailId, email.generation, 'unsubscribed');
    return true;
  });
}

/** Whether an e-mail is one that can be unsubscribed from. */
export async function canUnsubscribe(db: Db, emailId: string): Promise<boolean> {
  const email = await db
    .selectFrom('emails')
    .select('id')
    .where('id', '=', emailId)
    .where('priority', '=', 'low')
    .executeTakeFirst();
  return email !== undefined;
}
