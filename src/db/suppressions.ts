import { sql, type Transaction } from 'kysely';
import type { Db } from './database.js';
import type { Database } from './schema.js';

export type SuppressionReason = 'bounced' | 'complained' | 'unsubscribed' | 'manual';

/** An address that a client must not write to. */
export interface Suppression {
  readonly address: string;
  readonly reason: SuppressionReason;
  /** The e-mail that showed it; null when it was added by hand. */
  readonly email_id: string | null;
  readonly created_at: Date;
}

const COLUMNS = ['address', 'reason', 'email_id', 'created_at'] as const;

/** A client's suppressions by address. @param after the last address of the page before. */
export async function findSuppressions(
  db: Db,
  clientId: string,
  filter: { readonly address?: string; readonly reason?: SuppressionReason },
  page: { readonly after?: string; readonly limit: number },
): Promise<Suppression[]> {
  let query = db.selectFrom('suppressions').select(COLUMNS).where('client_id', '=', clientId);
  if (filter.address) query = query.where('address', '=', filter.address);
  if (filter.reason) query = query.where('reason', '=', filter.reason);
  if (page.after !== undefined) query = query.where('address', '>', page.after);
  return query.orderBy('address').limit(page.limit).execute();
}

/** Adds one by hand; one that is there already stays as it is. @returns what is there now. */
export async function addSuppression(db: Db, clientId: string, address: string): Promise<Suppression> {
  return (
    db
      .insertInto('suppressions')
      .values({ client_id: clientId, address, reason: 'manual', email_id: null })
      // An update that changes nothing: `do nothing` would return no row.
      .onConflict((conflict) => conflict.columns(['client_id', 'address']).doUpdateSet({ address }))
      .returning(COLUMNS)
      .executeTakeFirstOrThrow()
  );
}

/** Allows an address again. @returns false when it was not suppressed. */
export async function removeSuppression(db: Db, clientId: string, address: string): Promise<boolean> {
  const removed = await db
    .deleteFrom('suppressions')
    .where('client_id', '=', clientId)
    .where('address', '=', address)
    .returning('address')
    .executeTakeFirst();
  return removed !== undefined;
}

/**
 * Suppresses the receiver of an e-mail for its client; an address that is suppressed already stays as it is.
 *
 * @param generation the one that showed it: when the receiver was corrected since, the address it has now is another.
 */
export async function suppressReceiver(
  trx: Transaction<Database>,
  emailId: string,
  generation: number,
  reason: Exclude<SuppressionReason, 'manual'>,
): Promise<void> {
  await sql`
    insert into suppressions (client_id, address, reason, email_id)
    select client_id, receiver_address, ${reason}, id from emails where id = ${emailId}
    and not exists (select from email_events v where v.email_id = ${emailId}
      and v.generation > ${generation} and v.metadata ? 'corrected_receiver')
    on conflict do nothing`.execute(trx);
}
