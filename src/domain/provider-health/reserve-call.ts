import { sql } from 'kysely';
import type { ProviderName } from '../../config.js';
import { compileOnce } from '../../postgres/statements/compile-once.js';
import { TODAY } from '../../postgres/today.js';
import { later, type Trx } from '../../postgres/transaction.js';
import type { PerPriority, Priority } from '../../priority.js';
import { BREAKER } from './breaker.js';
import { countCall, usedToday } from './calls.js';

/** Whether a provider may be called now. `noted`: its health row says more than "all is well". */
export type CallReservation =
  | { readonly reserved: true; readonly noted: boolean }
  | { readonly reserved: false; readonly code: string; readonly waitMs: number };

/** A refusal lasts at least this long, so that workflows do not ask in circles. */
const MIN_WAIT_MS = 500;
/** How long to wait before asking again where nobody can foresee the end: an operator's switch, a blocked domain. */
const UNKNOWN_WAIT_MS = 15_000;
/** How long a trial waits for e-mails of less urgent priorities, before one of this priority is tried. */
export const TRIED_AFTER_S: PerPriority<number> = { critical: 30, medium: 0, low: 0 };

/**
 * How far the calls of each priority may run ahead of the rate, in seconds of it. Critical may go furthest, so under
 * pressure it finds a place where medium and low find none; a ten-second window sees at most 5 % more than the rate.
 */
export const AHEAD_S: PerPriority<number> = { critical: 0.5, medium: 0.25, low: 0 };
/** The share of a day's quota that each priority may use up: the last tenth is kept for critical and medium. */
export const DAY_SHARE: PerPriority<number> = { critical: 1, medium: 0.95, low: 0.9 };

/**
 * Calls a second that a provider gets while its traffic comes back; null in ordinary times, and when an operator lets
 * every call through. For `provider_health h` and `provider_controls c`.
 */
export const rampPerS = sql<number | null>`case when h.state = 'half_open' and c.forced is distinct from 'closed' then
  2 ^ least(coalesce(extract(epoch from clock_timestamp() - h.closed_at), 0)::float8 + 1, ${BREAKER.rampS + 1}::float8) end`;

/** Where a provider stands: its switches, limits and health. Reads only. */
export async function readStanding(trx: Trx, provider: ProviderName) {
  return (await readIt(trx, { provider }))[0];
}

const readIt = compileOnce((db, { provider }: { provider: ProviderName }) =>
  db
    .selectFrom('provider_controls as c')
    .innerJoin('provider_health as h', 'h.provider', 'c.provider')
    .select(['c.enabled', 'c.forced', 'c.rate_per_s', 'c.per_day', 'h.state', 'h.failures'])
    .select([
      sql<number>`greatest(extract(epoch from h.probe_at - clock_timestamp()) * 1000, 0)::float8`.as('to_probe_ms'),
      rampPerS.as('ramp_per_s'),
      sql<string[]>`array(select b.domain from sender_domain_blocks b where b.provider = ${provider}
        and b.until_at > now())`.as('blocked_domains'),
    ])
    .where('c.provider', '=', provider),
);

/**
 * Asks a provider's breaker, switches and quotas for one call, and reserves it in its rate and quota. The last step of the
 * permission's transaction: with a rate set, all calls of a provider pass one row, and its lock should be short.
 *
 * @param standing as `readStanding` gave it a moment ago in the same transaction; what is taken is checked again when
 *   it is taken.
 */
export async function reserveCall(
  trx: Trx,
  provider: ProviderName,
  priority: Priority,
  senderDomain: string,
  standing: Awaited<ReturnType<typeof readStanding>>,
): Promise<CallReservation> {
  if (!standing) return { reserved: true, noted: false };
  if (!standing.enabled) return refuse('provider_disabled', UNKNOWN_WAIT_MS);
  if (standing.forced === 'open') return refuse('breaker_forced_open', UNKNOWN_WAIT_MS);
  if (standing.blocked_domains.includes(senderDomain)) return refuse('sender_domain_blocked', UNKNOWN_WAIT_MS);
  const noted = standing.failures > 0 || standing.state !== 'closed';
  if (standing.state === 'open' && standing.forced !== 'closed') {
    if (!(await takeTrial(trx, provider, priority))) return refuse('breaker_open', standing.to_probe_ms);
    await later(trx, countCall(trx, provider));
    return { reserved: true, noted };
  }
  const rate = Math.min(
    standing.rate_per_s ?? Number.POSITIVE_INFINITY,
    standing.ramp_per_s ?? Number.POSITIVE_INFINITY,
  );
  if (Number.isFinite(rate) || standing.per_day !== null) {
    const refused = await takePlace(trx, provider, priority, rate, standing.per_day);
    if (refused) return refused;
  } else {
    await later(trx, countCall(trx, provider));
  }
  return { reserved: true, noted };
}

const refuse = (code: string, waitMs: number): CallReservation => ({
  reserved: false,
  code,
  waitMs: Math.max(MIN_WAIT_MS, Math.min(waitMs, UNKNOWN_WAIT_MS)),
});

/**
 * Takes a trial: one e-mail that is sent although the breaker is open. Probes find out when a provider is back, but a
 * provider's control plane may be down while it sends. One trial at a time over all processes: who moves `trial_at` has it.
 */
async function takeTrial(trx: Trx, provider: ProviderName, priority: Priority): Promise<boolean> {
  const taken = await trx
    .updateTable('provider_health')
    .set({ trial_at: sql<Date>`clock_timestamp() + make_interval(secs => ${BREAKER.trialAfterS})` })
    .where('provider', '=', provider)
    .where('state', '=', 'open')
    .where(sql<boolean>`trial_at <= clock_timestamp() - make_interval(secs => ${TRIED_AFTER_S[priority]})`)
    .returning('provider')
    .executeTakeFirst();
  return taken !== undefined;
}

/**
 * Takes a place in the rate and in the day's quota. `next_call_at` is the earliest moment of the next call under the
 * rate; a place taken by a call that crashes stays used.
 */
async function takePlace(
  trx: Trx,
  provider: ProviderName,
  priority: Priority,
  ratePerS: number,
  perDay: number | null,
): Promise<CallReservation | undefined> {
  const limited = Number.isFinite(ratePerS);
  const ahead = sql`make_interval(secs => ${AHEAD_S[priority]})`;
  const step = sql`make_interval(secs => ${limited ? 1 / ratePerS : 0})`;
  const share = perDay === null ? null : Math.floor(perDay * DAY_SHARE[priority]);
  const used = usedToday('provider_health');
  const taken = await trx
    .updateTable('provider_health')
    .set({
      next_call_at: limited ? sql<Date>`greatest(next_call_at, clock_timestamp()) + ${step}` : sql<Date>`next_call_at`,
      day: TODAY,
      used_today: sql<number>`case when day = ${TODAY} then used_today else 0 end + 1`,
    })
    .where('provider', '=', provider)
    .where(sql<boolean>`(not ${limited} or next_call_at <= clock_timestamp() + ${ahead})`)
    .where(sql<boolean>`(${share}::int is null or ${used} < ${share}::int)`)
    .returning('provider')
    .executeTakeFirst();
  if (taken) return undefined;
  const { used_up, wait_ms } = await trx
    .selectFrom('provider_health')
    .select([
      sql<boolean>`coalesce(${used} >= ${share}::int, false)`.as('used_up'),
      sql<number>`greatest(extract(epoch from next_call_at - clock_timestamp()) * 1000, 0)::float8`.as('wait_ms'),
    ])
    .where('provider', '=', provider)
    .executeTakeFirstOrThrow();
  return used_up ? refuse('quota_used_up', UNKNOWN_WAIT_MS) : refuse('rate_limited', wait_ms);
}
