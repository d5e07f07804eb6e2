import { sql } from 'kysely';
import { PROVIDER_NAMES, type ProviderName } from '../../config.js';
import { announce } from '../../postgres/channels.js';
import type { Db } from '../../postgres/database.js';
import { type Trx, transact } from '../../postgres/transaction.js';
import { usedToday } from './calls.js';

/** What an operator says about a provider; what is left out stays. */
export interface ProviderChange {
  readonly enabled?: boolean;
  /** The breaker's state as an operator forces it; null leaves it to the breaker. */
  readonly forced?: 'open' | 'closed' | null;
  /** Calls a second and a day, over all processes; null for no limit. */
  readonly rate_per_s?: number | null;
  readonly per_day?: number | null;
  readonly reason: string;
}

/** Changes a provider's switches; every process heeds them from its next call on. */
export async function changeProvider(db: Db, provider: ProviderName, change: ProviderChange): Promise<void> {
  await transact(db, async (trx) => {
    await trx
      .updateTable('provider_controls')
      .set({ ...change, changed_at: sql<Date>`now()` })
      .where('provider', '=', provider)
      .execute();
    if (change.rate_per_s !== undefined) await beginRate(trx, provider, change.rate_per_s);
    // A breaker closed by hand stays closed once it is left to itself again.
    if (change.forced === 'closed') await closeBreaker(trx, provider);
    await announce(trx);
  });
}

/** Forgets what calls have reserved under the former rate, except for one step of the new one. */
async function beginRate(trx: Trx, provider: ProviderName, ratePerS: number | null): Promise<void> {
  const step = sql`make_interval(secs => ${ratePerS === null ? 0 : 1 / ratePerS})`;
  await trx
    .updateTable('provider_health')
    // Critical may run ahead by half a second and so goes on at once.
    .set({ next_call_at: sql<Date>`least(next_call_at, clock_timestamp() + ${step})` })
    .where('provider', '=', provider)
    .execute();
}

async function closeBreaker(trx: Trx, provider: ProviderName): Promise<void> {
  await trx
    .updateTable('provider_health')
    .set({ state: 'closed', failures: 0, openings: 0, misconfigured: false })
    .where('provider', '=', provider)
    .execute();
}

/** A provider's switches, what its breaker says, and what is used of its quota. */
export interface ProviderView {
  readonly provider: ProviderName;
  /** Named in `PROVIDERS`: e-mails are sent through it. */
  readonly configured: boolean;
  readonly enabled: boolean;
  readonly forced: 'open' | 'closed' | null;
  readonly rate_per_s: number | null;
  readonly per_day: number | null;
  readonly reason: string | null;
  readonly changed_at: Date;
  readonly breaker: {
    readonly state: 'closed' | 'open' | 'half_open';
    /** In a row. */
    readonly failures: number;
    readonly last_code: string | null;
    readonly opened_at: Date | null;
    /** When the next call may be made as a probe. */
    readonly probe_at: Date | null;
    /** Our account there is refused: a person has to look. */
    readonly misconfigured: boolean;
  };
  /** Calls since midnight UTC. */
  readonly used_today: number;
  /** Sender domains that this provider does not take for now. */
  readonly blocked_domains: readonly { readonly domain: string; readonly until: Date; readonly code: string }[];
}

/**
 * Every provider, in the order of `PROVIDER_NAMES`.
 *
 * @param configured those we send through.
 */
export async function readProviders(db: Db, configured: readonly ProviderName[]): Promise<ProviderView[]> {
  const providers = await db
    .selectFrom('provider_controls as c')
    .innerJoin('provider_health as h', 'h.provider', 'c.provider')
    .selectAll('c')
    .select(['h.state', 'h.failures', 'h.last_code', 'h.opened_at', 'h.probe_at', 'h.misconfigured'])
    .select(usedToday('h').as('used_today'))
    .execute();
  const blocks = await db
    .selectFrom('sender_domain_blocks')
    .select(['provider', 'domain', 'until_at as until', 'code'])
    .where('until_at', '>', sql<Date>`now()`)
    .orderBy('domain')
    .execute();
  return providers
    .sort((a, b) => PROVIDER_NAMES.indexOf(a.provider) - PROVIDER_NAMES.indexOf(b.provider))
    .map(({ state, failures, last_code, opened_at, probe_at, misconfigured, used_today, provider, ...controls }) => ({
      provider,
      configured: configured.includes(provider),
      ...controls,
      breaker: { state, failures, last_code, opened_at, probe_at, misconfigured },
      used_today,
      blocked_domains: blocks
        .filter((block) => block.provider === provider)
        .map(({ domain, until, code }) => ({ domain, until, code })),
    }));
}
