import { type RawBuilder, sql } from 'kysely';
import type { ProviderName } from '../../config.js';
import { compileOnce } from '../../postgres/statements/compile-once.js';
import { TODAY } from '../../postgres/today.js';
import type { Trx } from '../../postgres/transaction.js';

/**
 * The number of rows over which the calls of a provider are counted. A call locks its row until its transaction commits:
 * at 200 calls a second and 5 ms each, three in a hundred wait for another one.
 */
const SHARDS = 32;

/** Counts a call that no limit has counted already. Only calls of the same shard wait for each other. */
export async function countCall(trx: Trx, provider: ProviderName): Promise<void> {
  await countOne(trx, { provider });
}

const countOne = compileOnce(
  (
    _,
    { provider }: { provider: ProviderName },
  ) => sql`insert into provider_calls as counted (provider, day, shard, calls)
    values (${provider}, ${TODAY}, floor(random() * ${SHARDS}::int)::int, 1)
    on conflict (provider, day, shard) do update set calls = counted.calls + 1`,
);

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
