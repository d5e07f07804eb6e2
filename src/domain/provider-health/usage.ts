import { type Kysely, type RawBuilder, sql } from 'kysely';
import type { ProviderName } from '../../config.js';
import type { Priority } from '../../priority.js';
import type { Database } from '../../postgres/schema.js';
import type { Trx } from '../../postgres/transaction.js';

/** Daily limits, of clients and of providers, are days of UTC, whatever the server's time zone is. */
export const TODAY: RawBuilder<string> = sql`(now() at time zone 'UTC')::date`;

/**
 * Over so many rows the calls of a provider are counted. A call holds its row until its transaction is committed: at
 * 200 calls a second and 5 ms each, three in a hundred wait for another one.
 */
const SHARDS = 32;

/** Counts a call that no limit has counted already. Nobody waits for it but those of the same shard. */
export async function countCall(trx: Trx, provider: ProviderName): Promise<void> {
  await sql`insert into provider_calls as counted (provider, day, shard, calls)
    values (${provider}, ${TODAY}, floor(random() * ${SHARDS}::int)::int, 1)
    on conflict (provider, day, shard) do update set calls = counted.calls + 1`.execute(trx);
}

/**
 * The calls made to a provider today, for a statement that reads its row of `provider_health`: those that a limit
 * counted there, and all others.
 *
 * @param health the row's name in the statement.
 */
export function usedToday(health: string): RawBuilder<number> {
  const column = (name: string) => sql.ref(`${health}.${name}`);
  return sql<number>`(case when ${column('day')} = ${TODAY} then ${column('used_today')} else 0 end
    + (select coalesce(sum(n.calls), 0)::int from provider_calls n
      where n.provider = ${column('provider')} and n.day = ${TODAY}))`;
}

/** What a client has submitted is beyond what it may; rolls its transaction back. */
export class LimitReachedError extends Error {
  override readonly name = 'LimitReachedError';
}

/**
 * Counts an e-mail against its client's daily limit. The last statement of its transaction, because it locks a row that
 * all of the client's submissions of a priority share: for one round trip and the commit.
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
