import { sql } from 'kysely';
import type { Db } from '../../postgres/database.js';
import type { Rate, RateKind } from './rates.js';

/** Whose bucket: a client's, or one key's. */
export interface BucketName {
  readonly owner: string;
  readonly kind: RateKind;
}

/** What a process wants of a bucket. */
export interface Ask extends BucketName, Rate {
  /** Tokens that it has used without having them; negative: that it gives back. */
  readonly spent: number;
  /** Tokens that it would like to have. */
  readonly wanted: number;
}

export interface Grant extends BucketName {
  /** Whole tokens, up to those wanted. */
  readonly granted: number;
  /** What is left for all processes; below 0 when more was spent than there was. */
  readonly left: number;
}

/**
 * Takes tokens of many buckets in one statement, and settles what was used before. A new bucket is full. All times are by
 * the database's clock.
 *
 * Deadlocks cannot happen, since everybody locks in the same order. Nothing waits for the disk, since the table is
 * unlogged.
 */
export async function takeTokens(db: Db, asks: readonly Ask[]): Promise<Grant[]> {
  const column = <T>(of: (ask: Ask) => T) => asks.map(of);
  // What is asked comes in the row that a new bucket would be: full, less what is spent and granted.
  const spent = sql`(excluded.burst - excluded.tokens - excluded.granted)`;
  const elapsedS = sql`greatest(0, extract(epoch from excluded.filled_at - b.filled_at)::double precision)`;
  const there = sql`(least(excluded.burst, b.tokens + excluded.rate * ${elapsedS}) - ${spent})`;
  const granted = sql`greatest(0, floor(least(excluded.granted, ${there})))`;
  const { rows } = await sql<Grant>`
    insert into rate_buckets as b (owner, kind, tokens, rate, burst, granted, filled_at)
    select owner, kind, burst - spent - wanted, rate, burst, wanted, statement_timestamp()
    from (select owner, kind, rate, burst, spent, least(wanted, floor(burst - greatest(spent, 0))) as wanted
      from unnest(${column((ask) => ask.owner)}::uuid[], ${column((ask) => ask.kind)}::text[],
        ${column((ask) => ask.rate)}::double precision[], ${column((ask) => ask.burst)}::double precision[],
        ${column((ask) => ask.spent)}::double precision[], ${column((ask) => ask.wanted)}::double precision[])
        as a (owner, kind, rate, burst, spent, wanted)
      order by owner, kind) asked
    on conflict (owner, kind) do update set
      granted = ${granted}, tokens = least(excluded.burst, ${there}) - ${granted},
      rate = excluded.rate, burst = excluded.burst, filled_at = greatest(b.filled_at, excluded.filled_at)
    returning owner, kind, granted, tokens as left`.execute(db);
  return rows;
}
