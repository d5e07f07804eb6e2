import { sql } from 'kysely';
import type { ProviderName } from '../config.js';
import type { Failed } from '../providers/provider.js';
import { BREAKER, noteSuccess } from './breaker.js';
import type { Db } from './database.js';
import { transact } from './transaction.js';

/** A probe that is this process's to make. */
export interface DueProbe {
  readonly provider: ProviderName;
  readonly startedAt: Date;
  /** Our account there was refused: only a probe that is let in says that this is over. */
  readonly misconfigured: boolean;
}

/**
 * Takes the probes that are due: of every open breaker, also without traffic; and of half open ones, which without
 * traffic nothing else would close. Whoever moves `probed_at` has the probe, so all processes together make one.
 *
 * @param configured those we send through.
 */
export async function takeProbes(db: Db, configured: readonly ProviderName[]): Promise<DueProbe[]> {
  const names = [...configured];
  const { rows } = await sql<DueProbe>`
    update provider_health h
    set probed_at = clock_timestamp(), probe_at = clock_timestamp() + make_interval(secs => ${BREAKER.probeEveryS})
    from provider_controls c
    where c.provider = h.provider and c.enabled and h.provider = any(${names})
      and (h.state = 'open' and h.hold_until <= clock_timestamp()
          and (h.probe_at <= clock_timestamp()
            or (coalesce(h.probed_at, '-infinity')
                  <= clock_timestamp() - make_interval(secs => ${BREAKER.urgentProbeEveryS})
              and not exists (select from provider_health o join provider_controls oc on oc.provider = o.provider
                where o.provider = any(${names}) and oc.enabled and oc.forced is distinct from 'open'
                  and (o.state <> 'open' or oc.forced = 'closed'))))
        or h.state = 'half_open' and h.probe_at <= clock_timestamp()
          and h.closed_at <= clock_timestamp() - make_interval(secs => ${BREAKER.rampS}))
    returning h.provider, clock_timestamp() as "startedAt", h.misconfigured`.execute(db);
  return rows;
}

/**
 * Whether an answer to a probe says that the provider has trouble. Anything a working server would say is none: some
 * keys may send and may not ask, and a stand-in need not know the question.
 */
export function isTrouble(probe: Pick<DueProbe, 'misconfigured'>, { kind }: Pick<Failed, 'kind'>): boolean {
  if (kind === 'misconfigured') return probe.misconfigured;
  return kind !== 'rejected';
}

/**
 * Writes down what came of a probe: a good one heals the breaker a step, as a good call would; a bad one leaves it.
 *
 * @param failed undefined when the provider answered well.
 * @returns whether the breaker may have moved.
 */
export async function recordProbe(db: Db, probe: DueProbe, failed: Failed | undefined): Promise<boolean> {
  if (!failed || !isTrouble(probe, failed)) {
    await transact(db, (trx) => noteSuccess(trx, probe.provider, probe.startedAt));
    return true;
  }
  const retryAfter = sql`make_interval(secs => ${(failed.retryAfterMs ?? 0) / 1000})`;
  await db
    .updateTable('provider_health')
    .set({ last_code: failed.code, hold_until: sql<Date>`greatest(hold_until, clock_timestamp() + ${retryAfter})` })
    .where('provider', '=', probe.provider)
    .where('state', '=', 'open')
    .execute();
  return false;
}
