import { sql } from 'kysely';
import type { Trx } from '../../postgres/transaction.js';
import type { LockedEmail } from '../emails/events.js';

/** A provider had taken it after all; an operator's retry has closed it already, with a word of its own. */
export async function closeDeadLetter(trx: Trx, emailId: string): Promise<void> {
  await trx
    .updateTable('dead_emails')
    .set({ resolved_at: sql<Date>`now()`, resolution: 'delivered' })
    .where('email_id', '=', emailId)
    .where('resolved_at', 'is', null)
    .execute();
}

/** A provider had not taken it after all: it failed there later. */
export async function reopenDeadLetter(trx: Trx, { id, generation }: LockedEmail): Promise<void> {
  await trx
    .updateTable('dead_emails')
    .set({ resolved_at: null, resolution: null })
    .where('email_id', '=', id)
    .where('generation', '=', generation)
    .where('resolution', '=', 'delivered')
    .execute();
}
