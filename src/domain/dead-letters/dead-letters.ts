import { sql, type Transaction } from 'kysely';
import type { Db } from '../../postgres/database.js';
import type { Database, DeadReason } from '../../postgres/schema.js';
import { generationEvent, type LockedEmail } from '../emails/events.js';
import type { StatusCatalogue } from '../emails/statuses.js';
import { closeDeadLetter } from '../transitions/dead-letter.js';
import { recordEvents } from '../transitions/record.js';

/**
 * Moves a locked e-mail's generation to the dead letter store. A repetition changes nothing.
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
  await sql`
    insert into dead_emails (email_id, generation, reason, client_id, priority, code, provider)
    select e.id, ${generation}, ${reason}, e.client_id, e.priority, last.code, last.provider
    from emails e left join lateral (
      select code, provider from send_attempts t where t.email_id = ${id} and t.generation = ${generation}
      order by attempt desc limit 1) last on true
    where e.id = ${id}
    on conflict do nothing`.execute(trx);
  await trx.deleteFrom('email_queue').where('email_id', '=', id).execute();
  const event = generationEvent(generation, 'dead', { reason });
  const { status } = await recordEvents(trx, email, [event], catalogue);
  // It ended in another way, or a provider turned out to have it, in the meantime.
  if (status !== 'dead') await (catalogue.get(status)?.survives ? closeDeadLetter(trx, id) : withdraw(trx, email));
  return status;
}

async function withdraw(trx: Transaction<Database>, { id, generation }: LockedEmail): Promise<void> {
  await trx.deleteFrom('dead_emails').where('email_id', '=', id).where('generation', '=', generation).execute();
}

/**
 * Closes an e-mail's open dead letter: nothing more is to be done about it. The e-mail stays dead, and readable.
 *
 * @param clientId whose it has to be; null for anyone's.
 * @returns false when there is no open one.
 */
export async function discard(db: Db, clientId: string | null, emailId: string): Promise<boolean> {
  let update = db
    .updateTable('dead_emails')
    .set({ resolved_at: sql<Date>`now()`, resolution: 'discarded' })
    .where('email_id', '=', emailId)
    .where('resolved_at', 'is', null);
  if (clientId) update = update.where('client_id', '=', clientId);
  const discarded = await update.returning('email_id').executeTakeFirst();
  return discarded !== undefined;
}
