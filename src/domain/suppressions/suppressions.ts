import { type RawBuilder, sql, type Transaction } from 'kysely';
import type { Db } from '../../postgres/database.js';
import type { Database } from '../../postgres/schema.js';
import { transact } from '../../postgres/transaction.js';
import { pseudonym, pseudonymOf } from './pseudonyms.js';

export type SuppressionReason = 'bounced' | 'complained' | 'unsubscribed' | 'manual';

/** An address that a client must not write to. */
export interface Suppression {
  readonly address: string;
  readonly reason: SuppressionReason;
  /** The e-mail that showed it; null when it was added by hand. */
  readonly email_id: string | null;
  readonly created_at: Date;
  /** When its owner unsubscribed, where `reason` is another one. */
  readonly unsubscribed_at: Date | null;
}

const COLUMNS = ['address', 'reason', 'email_id', 'created_at', 'unsubscribed_at'] as const;

/**
 * Whether an e-mail's client must not write to its receiver. A receiver who unsubscribed wants no more bulk, but still
 * wants login codes and receipts. So `unsubscribed` concerns `low` only; every other reason concerns all priorities.
 *
 * For a query of `emails`.
 */
export const isSuppressed: RawBuilder<boolean> = sql<boolean>`(exists (select from suppressions s
  where s.client_id = emails.client_id and s.address = emails.receiver_address
    and (s.reason <> 'unsubscribed' or emails.priority = 'low'))
  or exists (select from forgotten_key k join suppressions s on s.address = ${pseudonymOf(sql`emails.receiver_address`)}
    where s.client_id = emails.client_id and (s.reason <> 'unsubscribed' or emails.priority = 'low')))`;

/** Suppressions of an address, also of one whose owner was forgotten. */
const isAbout = (address: string) => sql<boolean>`address in (${address}, ${pseudonym(address)})`;

/** A client's suppressions by address. @param after the last address of the page before. */
export async function findSuppressions(
  db: Db,
  clientId: string,
  filter: { readonly address?: string; readonly reason?: SuppressionReason },
  page: { readonly after?: string; readonly limit: number },
): Promise<Suppression[]> {
  let query = db.selectFrom('suppressions').select(COLUMNS).where('client_id', '=', clientId);
  if (filter.address) query = query.where(isAbout(filter.address));
  if (filter.reason) query = query.where('reason', '=', filter.reason);
  if (page.after !== undefined) query = query.where('address', '>', page.after);
  return query.orderBy('address').limit(page.limit).execute();
}

/** Adds a suppression by hand. An existing one keeps its reason, unless it was for bulk only. @returns the row as it is now. */
export async function addSuppression(db: Db, clientId: string, address: string): Promise<Suppression> {
  return (
    db
      .insertInto('suppressions')
      .values({ client_id: clientId, address, reason: 'manual', email_id: null })
      // Also where it changes nothing: `do nothing` would return no row.
      .onConflict((conflict) => conflict.columns(['client_id', 'address']).doUpdateSet(OUTRANK))
      .returning(COLUMNS)
      .executeTakeFirstOrThrow()
  );
}

/**
 * Which of two reasons stands. One that concerns all priorities takes the place of an unsubscription, whose time is kept
 * beside it. An unsubscription that comes later only has its time kept. Otherwise the first reason stands.
 */
const OUTRANK = {
  reason: sql<SuppressionReason>`case when suppressions.reason = 'unsubscribed' then excluded.reason
    else suppressions.reason end`,
  email_id: sql<string | null>`case when suppressions.reason = 'unsubscribed' and excluded.reason <> 'unsubscribed'
    then excluded.email_id else suppressions.email_id end`,
  created_at: sql<Date>`case when suppressions.reason = 'unsubscribed' and excluded.reason <> 'unsubscribed'
    then excluded.created_at else suppressions.created_at end`,
  unsubscribed_at: sql<Date | null>`case
    when suppressions.reason = 'unsubscribed' and excluded.reason <> 'unsubscribed' then suppressions.created_at
    when suppressions.reason <> 'unsubscribed' and excluded.reason = 'unsubscribed'
      then coalesce(suppressions.unsubscribed_at, excluded.created_at)
    else suppressions.unsubscribed_at end`,
};

/** A suppression of theirs is looked at by every call to the receiver: it is not written for nothing. */
const changesSomething = sql<boolean>`(suppressions.reason = 'unsubscribed') <> (excluded.reason = 'unsubscribed')
  and (suppressions.unsubscribed_at is null or suppressions.reason = 'unsubscribed')`;

/**
 * Removes a suppression, so that the address may be written to again. If its owner had unsubscribed as well, that stays,
 * since it was the owner's decision. @returns false when the address was not suppressed.
 */
export async function removeSuppression(db: Db, clientId: string, address: string): Promise<boolean> {
  return transact(db, async (trx) => {
    const unsubscription = await trx
      .updateTable('suppressions')
      .set({
        reason: 'unsubscribed',
        email_id: null,
        created_at: sql<Date>`unsubscribed_at`,
        unsubscribed_at: null,
      })
      .where('client_id', '=', clientId)
      .where(isAbout(address))
      .where('unsubscribed_at', 'is not', null)
      .returning('address')
      .executeTakeFirst();
    if (unsubscription) return true;
    const removed = await trx
      .deleteFrom('suppressions')
      .where('client_id', '=', clientId)
      .where(isAbout(address))
      .returning('address')
      .executeTakeFirst();
    return removed !== undefined;
  });
}

/**
 * Suppresses the receiver of an e-mail for its client; see `OUTRANK` for an address that is suppressed already.
 *
 * @param generation the one that showed it: when the receiver was corrected since, the address it has now is another.
 */
export async function suppressReceiver(
  trx: Transaction<Database>,
  emailId: string,
  generation: number,
  reason: Exclude<SuppressionReason, 'manual'>,
): Promise<void> {
  await trx
    .insertInto('suppressions')
    .columns(['client_id', 'address', 'reason', 'email_id'])
    .expression((eb) =>
      eb
        .selectFrom('emails')
        .select(['client_id', 'receiver_address', sql<SuppressionReason>`${reason}`.as('reason'), 'id'])
        .where('id', '=', emailId)
        .where(
          sql<boolean>`not exists (select from email_events v where v.email_id = ${emailId}
            and v.generation > ${generation} and v.metadata ? 'corrected_receiver')`,
        ),
    )
    .onConflict((conflict) => conflict.columns(['client_id', 'address']).doUpdateSet(OUTRANK).where(changesSomething))
    .execute();
}
