import { type Kysely, sql } from 'kysely';
import type { Database } from '../../postgres/schema.js';
import { TODAY } from '../../postgres/today.js';
import type { Priority } from '../../priority.js';

/** A client has submitted more than it may. Thrown to roll its transaction back. */
export class LimitReachedError extends Error {
  override readonly name = 'LimitReachedError';
}

/** `daily_limit_medium`, of the row `c` of `clients`. */
const limitOf = (priority: Priority) => sql.ref(`c.daily_limit_${priority}`);

/** How the server tells that `countSubmission` has nothing left to count. */
const isUsedUp = (error: unknown) => {
  const { code, table, column } = error as { code?: string; table?: string; column?: string };
  return code === NOT_NULL_VIOLATION && table === 'client_usage' && column === 'accepted';
};
const NOT_NULL_VIOLATION = '23502';

/**
 * Whether a client has submitted what it may of a priority today, for a `select` of any statement. Asked first, because
 * whoever goes on submitting then costs a look and not an insertion that is rolled back; `countSubmission` decides.
 */
export const hasReachedLimit = (clientId: string, priority: Priority) => sql<boolean | null>`(
  select coalesce(used.accepted, 0) >= ${limitOf(priority)}
  from clients c left join client_usage used
    on used.client_id = c.id and used.priority = ${priority} and used.day = ${TODAY}
  where c.id = ${clientId})`;

/**
 * Counts an e-mail against its client's daily limit. It locks a row that all of the client's submissions of a priority
 * share. So it is the last statement of its transaction, and nobody has to wait for its answer: beyond the limit the
 * statement fails, and a commit that is on its way with it becomes a rollback. The lock lasts as long as the commit.
 *
 * @throws LimitReachedError when the limit is used up; the transaction can only be rolled back then.
 */
export async function countSubmission(trx: Kysely<Database>, clientId: string, priority: Priority): Promise<void> {
  const limit = sql`(select ${limitOf(priority)} from clients c where c.id = ${clientId})`;
  try {
    // Without a client, or beyond its limit: null, which the column does not take.
    await sql`
      insert into client_usage as used (client_id, priority, day, accepted)
      values (${clientId}, ${priority}, ${TODAY}, case when ${limit} > 0 then 1 end)
      on conflict (client_id, priority, day) do update
        set accepted = case when used.accepted < ${limit} then used.accepted + 1 end`.execute(trx);
  } catch (error) {
    throw isUsedUp(error) ? new LimitReachedError() : error;
  }
}

/**
 * Counts an e-mail as `countSubmission` does, for whoever goes on in the same transaction: nothing fails beyond the
 * limit. The row is locked until that transaction ends.
 *
 * @returns false when the limit is used up, or there is no such client; nothing is counted then.
 */
export async function countIfAllowed(trx: Kysely<Database>, clientId: string, priority: Priority): Promise<boolean> {
  const { rows } = await sql`
    insert into client_usage as used (client_id, priority, day, accepted)
    select c.id, ${priority}, ${TODAY}, 1 from clients c where c.id = ${clientId} and ${limitOf(priority)} > 0
    on conflict (client_id, priority, day) do update set accepted = used.accepted + 1
      where used.accepted < (select ${limitOf(priority)} from clients c where c.id = ${clientId})
    returning 1`.execute(trx);
  return rows.length > 0;
}
