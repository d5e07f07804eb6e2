import { sql } from 'kysely';
import { announce } from '../../postgres/channels.js';
import type { Db } from '../../postgres/database.js';
import { transact } from '../../postgres/transaction.js';
import type { Priority } from '../../priority.js';

/** Which mail is held: of what is given, all has to be so. At least one besides the priority is given. */
export interface HoldTerms {
  readonly clientId?: string;
  /** Domains in lower case, and no others below them. */
  readonly senderDomain?: string;
  readonly receiverDomain?: string;
  readonly tag?: string;
  readonly priority?: Priority;
  /** Submissions are refused, rather than accepted and held. What was accepted before is held all the same. */
  readonly reject: boolean;
  readonly reason: string;
}

export interface Hold {
  readonly id: string;
  readonly client_id: string | null;
  readonly sender_domain: string | null;
  readonly receiver_domain: string | null;
  readonly tag: string | null;
  readonly priority: Priority | null;
  readonly reject: boolean;
  readonly reason: string;
  readonly created_at: Date;
  /** Held at this moment; what is in flight joins them when it asks for permission. */
  readonly held: number;
}

/** Every submission, claim and call looks at all of them. */
export const MOST_HOLDS = 100;

/** Any number will do, as long as it is always the same. */
const LOCK = sql`pg_advisory_xact_lock(hashtext('tempost.holds'))`;

/** Begins a hold, from its commit on. @returns its id; undefined when there are as many as there may be. */
export async function hold(db: Db, terms: HoldTerms): Promise<string | undefined> {
  return transact(db, async (trx) => {
    await sql`select ${LOCK}`.execute(trx);
    const { rows } = await sql<{
      count: number;
    }>`select count(*) as count from holds where released_at is null and recovery_id is null`.execute(trx);
    if (rows[0]!.count >= MOST_HOLDS) return undefined;
    const { id } = await trx
      .insertInto('holds')
      .values({
        client_id: terms.clientId ?? null,
        sender_domain: terms.senderDomain ?? null,
        receiver_domain: terms.receiverDomain ?? null,
        tag: terms.tag ?? null,
        priority: terms.priority ?? null,
        reject: terms.reject,
        reason: terms.reason,
        recovery_id: null,
      })
      .returning('id')
      .executeTakeFirstOrThrow();
    return id;
  });
}

/**
 * Ends a hold. The dispatcher puts back what it held, within seconds, by due time. Those of a recovery end with it alone.
 *
 * @returns false for no such one.
 */
export async function release(db: Db, id: string): Promise<boolean> {
  return transact(db, async (trx) => {
    const ended = await trx
      .updateTable('holds')
      .set({ released_at: sql<Date>`clock_timestamp()` })
      .where('id', '=', id)
      .where('released_at', 'is', null)
      .where('recovery_id', 'is', null)
      .returning('id')
      .executeTakeFirst();
    if (ended) await announce(trx);
    return ended !== undefined;
  });
}

/** The holds there are, the oldest first, with how many e-mails each holds. */
export async function listHolds(db: Db): Promise<Hold[]> {
  const { rows } = await sql<Hold>`
    select h.id, h.client_id, h.sender_domain, h.receiver_domain, h.tag, h.priority, h.reject, h.reason, h.created_at,
      (select count(*) from email_queue q where q.hold_id = h.id and q.state = 'held') as held
    from holds h where h.released_at is null order by h.created_at`.execute(db);
  return rows;
}

/** How many holds there are, those that refuse submissions apart; since when there has been the oldest, in seconds. */
export async function countHolds(db: Db): Promise<{ holding: number; rejecting: number; oldest_s: number | null }> {
  const { rows } = await sql<{ holding: number; rejecting: number; oldest_s: number | null }>`
    select count(*) filter (where not reject) as holding, count(*) filter (where reject) as rejecting,
      floor(extract(epoch from now() - min(created_at)))::int as oldest_s
    from holds where released_at is null`.execute(db);
  return rows[0]!;
}
