import { type RawBuilder, sql } from 'kysely';

/**
 * What stands in the place of an address whose owner was forgotten: a hash under a key of this database, so that it is
 * still not written to, and nobody finds out by trying addresses without that key. `k` is `forgotten_key`.
 *
 * @param address an expression: the bare address in lower case.
 */
export const pseudonymOf = (address: RawBuilder<unknown>): RawBuilder<string> =>
  sql<string>`'forgotten:' || encode(sha256(k.key || convert_to(${address}, 'UTF8')), 'hex')`;

/** The pseudonym of a given address, as a value of its own. */
export const pseudonym = (address: string): RawBuilder<string> =>
  sql<string>`(select ${pseudonymOf(sql`${address}::text`)} from forgotten_key k)`;
