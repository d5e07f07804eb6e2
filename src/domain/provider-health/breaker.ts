import { sql, type Transaction } from 'kysely';
import type { ProviderName } from '../../config.js';
import { announce } from '../../postgres/channels.js';
import { count } from '../../postgres/counters.js';
import type { Database } from '../../postgres/schema.js';
import type { FailureKind } from '../../providers/provider.js';

/**
 * One breaker a provider, in PostgreSQL, for all processes: a critical e-mail every eight seconds could never trip or
 * heal a breaker of its own. Its row is written only when something is wrong.
 *
 * - closed → open: after five failures in a row, one failure that blames our account, or one failed call and a failed probe.
 * - open → half open: a probe succeeds. Traffic comes back at a doubling rate.
 * - half open → closed: traffic is back. A failure meanwhile opens the breaker again, for twice as long.
 *
 * A probe is a call that sends nothing; see `probes.ts`.
 */
export const BREAKER = {
  failuresToOpen: 5,
  /** Between an opening and its first probe while another provider admits; doubled with every opening in a row. */
  probeAfterS: 15,
  probeAfterMaxS: 300,
  /** Between two probes while another provider admits. */
  probeEveryS: 15,
  /**
   * Between two probes while no provider admits, and between an opening and its first one then; that first pause
   * doubles with every opening in a row, up to `probeAfterS`: probes succeed, and calls fail all the same.
   */
  urgentProbeEveryS: 2,
  /** From an opening to an e-mail that is tried although no probe has succeeded, and between two such. */
  trialAfterS: 60,
  /** How long traffic takes to come back: at two calls a second, doubled every second. */
  rampS: 10,
} as const;

const doubled = (seconds: number, maxS: number) =>
  sql`make_interval(secs => least(${maxS}, ${seconds} * 2 ^ least(openings, 10)))`;
const probeAfter = doubled(BREAKER.probeAfterS, BREAKER.probeAfterMaxS);
const holdFor = doubled(BREAKER.urgentProbeEveryS, BREAKER.probeAfterS);
const trialAfter = doubled(BREAKER.trialAfterS, BREAKER.probeAfterMaxS);

/** A failure that is the provider's rather than the message's. */
export interface ProviderFailure {
  readonly kind: Exclude<FailureKind, 'rejected'>;
  readonly code: string;
  readonly retryAfterMs?: number;
  /** When the call began: one that began before the opening says nothing new. */
  readonly startedAt: Date;
  /** Opens the breaker at once, without waiting for more failures. */
  readonly certain?: boolean;
}

/** Notes a failure; opens the breaker when it is one too many. */
export async function noteFailure(
  trx: Transaction<Database>,
  provider: ProviderName,
  failure: ProviderFailure,
): Promise<void> {
  const atOnce = failure.certain || failure.kind === 'misconfigured' || (failure.retryAfterMs ?? 0) > 0;
  const opens = sql<boolean>`(state = 'half_open' or (state = 'open' and opened_at < ${failure.startedAt})
    or (state = 'closed' and (${atOnce} or failures + 1 >= ${BREAKER.failuresToOpen})))`;
  const retryAfter = sql`make_interval(secs => ${(failure.retryAfterMs ?? 0) / 1000})`;
  const row = await trx
    .updateTable('provider_health')
    .set({
      failures: sql<number>`failures + 1`,
      failed_at: sql<Date>`clock_timestamp()`,
      last_code: failure.code,
      misconfigured: failure.kind === 'misconfigured',
      state: sql<'open'>`case when ${opens} then 'open' else state end`,
      opened_at: sql<Date>`case when ${opens} then clock_timestamp() else opened_at end`,
      openings: sql<number>`case when ${opens} then openings + 1 else openings end`,
      probe_at: sql<Date>`case when ${opens} then clock_timestamp() + greatest(${probeAfter}, ${retryAfter})
        else probe_at end`,
      hold_until: sql<Date>`case when ${opens} then clock_timestamp() + greatest(${holdFor}, ${retryAfter})
        else hold_until end`,
      trial_at: sql<Date>`case when ${opens} then clock_timestamp() + greatest(${trialAfter}, ${retryAfter})
        else trial_at end`,
    })
    .where('provider', '=', provider)
    .returning([sql<string>`old.state`.as('before'), 'state'])
    .executeTakeFirst();
  if (row?.before === 'closed' && row.state === 'open') await count(trx, 'breaker_openings', provider);
}

/** Notes a success where failures had been noted: heals the breaker step by step. */
export async function noteSuccess(trx: Transaction<Database>, provider: ProviderName, startedAt: Date): Promise<void> {
  const ramped = sql<boolean>`(state = 'half_open' and closed_at < clock_timestamp() - make_interval(secs => ${BREAKER.rampS}))`;
  const row = await trx
    .updateTable('provider_health')
    .set({
      failures: 0,
      misconfigured: false,
      state: sql<'closed'>`case when state = 'open' then 'half_open' when ${ramped} then 'closed' else state end`,
      closed_at: sql<Date>`case when state = 'open' then clock_timestamp() else closed_at end`,
      next_call_at: sql<Date>`case when state = 'open' then clock_timestamp() else next_call_at end`,
      openings: sql<number>`case when ${ramped} then 0 else openings end`,
    })
    .where('provider', '=', provider)
    // A call that began before the breaker opened says nothing about now.
    .where((eb) => eb.or([eb('state', '!=', 'open'), eb('opened_at', '<', startedAt)]))
    .returning([sql<string>`old.state`.as('before'), 'state'])
    .executeTakeFirst();
  // E-mails wait for it.
  if (row?.before === 'open') await announce(trx);
}

/** Trouble that is tied to a sender's domain blocks that domain at that provider, and nothing else. */
export async function blockSenderDomain(
  trx: Transaction<Database>,
  provider: ProviderName,
  domain: string,
  code: string,
): Promise<void> {
  await trx
    .insertInto('sender_domain_blocks')
    .values({ provider, domain, code, until_at: sql<Date>`now() + interval '10 minutes'` })
    .onConflict((conflict) =>
      conflict
        .columns(['provider', 'domain'])
        .doUpdateSet({ code, until_at: sql<Date>`now() + interval '10 minutes'` }),
    )
    .execute();
}
