import { type Kysely, sql } from 'kysely';
import type { Database } from '../../postgres/schema.js';
import { TODAY } from '../../postgres/today.js';
import type { Priority } from '../../priority.js';

/** A client has submitted more than it may. Thrown to roll its transaction back. */
export class LimitReachedError extends Error {
  override readonly name = 'LimitReachedError';
}

/**
 * Counts an e-mail against its client's daily limit. It locks a row that all of the client's submissions of a priority
 * share. So it is the last statement of its transaction: the lock lasts one round trip and the commit.
 *
 * @throws LimitReachedError when the limit is used up.
 */
export async function countSubmission(trx: Kysely<Database>, clientId: string, priority: Priority): Promise<void> {
  const limit = sql.ref(`daily_limit_${priority}`);
  const { rows } = await sql`
    insert into client_usage as used (client_id, priority, day, accepted)
    select id, ${priority}, ${TODAY}, 1 from clients where id = ${clientId} and ${limit} > 0
    on conflict (client_id, priority, day) do update set accepted = used.accepted + 1
      where used.accepted < (select ${limit} from clients where id = ${clientId})
    returning used.accepted`.execute(trx);
  if (rows.length === 0) throw new LimitReachedError();
}
