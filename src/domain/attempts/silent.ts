import { count } from '../../postgres/counters.js';
import type { Db } from '../../postgres/database.js';
import { transact } from '../../postgres/transaction.js';
import { lockEmail } from '../emails/events.js';
import { type StatusCatalogue, statusesThat } from '../emails/statuses.js';
import { removeHandedOverEntry } from '../queue/entry.js';
import { recordEvents } from '../transitions/record.js';
import type { SoughtAttempt } from './look-ups.js';
import type { AttemptId } from './transitions.js';
import { attemptEvent } from './transitions.js';

/** Finds the accepted attempt of an e-mail that nothing was heard of. @returns undefined if something was heard. */
export async function findSilent(
  db: Db,
  emailId: string,
  generation: number,
  catalogue: StatusCatalogue,
): Promise<SoughtAttempt | undefined> {
  const unheard = statusesThat(catalogue, (rule) => rule.unheard);
  const row = await db
    .selectFrom('emails')
    .innerJoin('send_attempts', 'send_attempts.email_id', 'emails.id')
    .select(['attempt', 'send_attempts.provider', 'send_attempts.provider_message_id', 'started_at', 'receiver'])
    .where('emails.id', '=', emailId)
    .where('email_id', '=', emailId)
    .where('send_attempts.generation', '=', generation)
    .where('state', '=', 'accepted')
    .where('status', 'in', unheard)
    .orderBy('attempt', 'desc')
    .limit(1)
    .executeTakeFirst();
  if (!row) return undefined;
  const { attempt, provider, receiver, started_at, provider_message_id } = row;
  const found = { emailId, generation, attempt, provider, receiver };
  return { ...found, startedAt: started_at, providerMessageId: provider_message_id };
}

/** Records the result of the delivery check. If nothing was found, the e-mail leaves the queue. */
export async function recordDeliveryCheck(
  db: Db,
  id: AttemptId,
  result: 'delivered' | 'quiet',
  metadata: Record<string, unknown>,
  catalogue: StatusCatalogue,
): Promise<void> {
  await transact(db, async (trx) => {
    const email = await lockEmail(trx, id.emailId);
    if (!email) return;
    const { added } = await recordEvents(trx, email, [attemptEvent(id, result, metadata)], catalogue);
    if (result === 'quiet' && added.length > 0) await count(trx, 'quiet_emails', id.provider);
    await removeHandedOverEntry(trx, id.emailId);
  });
}
