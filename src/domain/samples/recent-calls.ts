import { sql } from 'kysely';
import type { ProviderName } from '../../config.js';
import type { Db } from '../../postgres/database.js';

/** What a provider did with calls of the last minutes. */
export interface RecentCalls {
  readonly provider: ProviderName;
  readonly accepted: number;
  /** Refused, for now or for good. */
  readonly refused: number;
  /** Nobody knows whether it took them. */
  readonly unknown: number;
  /** How long those took that have ended, in milliseconds: half of them, and 95 of a hundred. Null: there are none. */
  readonly median_ms: number | null;
  readonly p95_ms: number | null;
}

/** How far back calls are looked at, by when they began. */
export const RECENT_MINUTES = 5;

/**
 * Calls are kept by e-mail, not by time, so that a send writes no index for this: we look at the newest e-mails' calls,
 * so many at most. Calls of older e-mails are missing while a backlog is worked off.
 */
const NEWEST_CALLS = 5_000;

/** What providers have done lately; those without a call are left out. Reads 5,000 rows at most, along their key. */
export async function readRecentCalls(db: Db): Promise<RecentCalls[]> {
  const { rows } = await sql<RecentCalls>`
    select provider,
      count(*) filter (where state = 'accepted')::int as accepted,
      count(*) filter (where state in ('refused', 'rejected'))::int as refused,
      count(*) filter (where state in ('ambiguous', 'abandoned'))::int as unknown,
      round(percentile_cont(0.5) within group (order by took_ms))::int as median_ms,
      round(percentile_cont(0.95) within group (order by took_ms))::int as p95_ms
    from (
      select provider, state, started_at, extract(epoch from finished_at - started_at) * 1000 as took_ms
      from send_attempts order by email_id desc limit ${NEWEST_CALLS}) as newest
    where started_at > now() - make_interval(mins => ${RECENT_MINUTES})
    group by provider order by provider`.execute(db);
  return rows;
}
