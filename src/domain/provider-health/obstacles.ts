import { sql } from 'kysely';
import type { ProviderName } from '../../config.js';
import type { Db } from '../../postgres/database.js';
import type { Priority } from '../../priority.js';
import { usedToday } from './calls.js';
import { AHEAD_S, DAY_SHARE, rampPerS } from './reserve-call.js';

/** Why a provider takes no call, by the codes of `reserveCall`. */
export type ObstacleCode =
  | 'provider_disabled'
  | 'breaker_forced_open'
  | 'sender_domain_blocked'
  | 'breaker_open'
  | 'quota_used_up'
  | 'rate_limited';

/** What keeps e-mails from a provider. */
export interface Obstacle {
  readonly provider: ProviderName;
  /** Null: nothing. */
  readonly code: ObstacleCode | null;
  /** When it ends, or is looked at again, by itself; null when only an operator can tell. */
  readonly until: Date | null;
}

/** What would keep an e-mail of a priority and a sender's domain from each of some providers now; reserves nothing. */
export async function findObstacles(
  db: Db,
  providers: readonly ProviderName[],
  priority: Priority,
  senderDomain: string,
): Promise<Obstacle[]> {
  // In the order in which `reserveCall` looks.
  const { rows } = await sql<Obstacle>`
    select provider, code, case code when 'sender_domain_blocked' then blocked_until
        when 'breaker_open' then greatest(least(probe_at, trial_at), now())
        when 'quota_used_up' then (date_trunc('day', now() at time zone 'UTC') + interval '1 day') at time zone 'UTC'
        when 'rate_limited' then next_call_at end as until
    from (
      select h.provider, h.probe_at, h.trial_at, h.next_call_at, b.until_at as blocked_until,
        case when not c.enabled then 'provider_disabled'
          when c.forced = 'open' then 'breaker_forced_open'
          when b.until_at is not null then 'sender_domain_blocked'
          when h.state = 'open' and c.forced is distinct from 'closed' then 'breaker_open'
          when ${usedToday('h')} >= floor(c.per_day * ${DAY_SHARE[priority]}::float8) then 'quota_used_up'
          when coalesce(c.rate_per_s, ${rampPerS}) is not null
            and h.next_call_at > clock_timestamp() + make_interval(secs => ${AHEAD_S[priority]}) then 'rate_limited'
          end as code
      from provider_health h join provider_controls c on c.provider = h.provider
        left join sender_domain_blocks b
          on b.provider = h.provider and b.domain = ${senderDomain} and b.until_at > now()
      where h.provider = any(${[...providers]})) as standing
    order by array_position(${[...providers]}::text[], provider)`.execute(db);
  return rows;
}
