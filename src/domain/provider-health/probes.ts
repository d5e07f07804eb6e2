import { sql } from 'kysely';
import type { ProviderName } from '../../config.js';
import type { Db } from '../../postgres/database.js';
import { transact } from '../../postgres/transaction.js';
import type { Failed } from '../../providers/provider.js';
import { BREAKER, noteFailure, noteSuccess } from './breaker.js';

/** A probe that this process has to make. */
export interface DueProbe {
  readonly provider: ProviderName;
  readonly startedAt: Date;
  readonly state: 'closed' | 'open' | 'half_open';
  /** Our account there was refused: only a probe that is not refused shows that this is over. */
  readonly misconfigured: boolean;
}

/**
 * Takes the probes that are due:
 * - of every open breaker, also without traffic;
 * - of every half open one, since without traffic nothing else would close it;
 * - of a provider that has just failed a call. If the probe fails as well, the breaker opens before more e-mails fail.
 *
 * Whoever moves `probed_at` has the probe, so all processes together make one.
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
          and h.closed_at <= clock_timestamp() - make_interval(secs => ${BREAKER.rampS})
        or h.state = 'closed' and h.failures > 0 and h.failed_at > coalesce(h.probed_at, '-infinity'))
    returning h.provider, h.state, clock_timestamp() as "startedAt", h.misconfigured`.execute(db);
  return rows;
}

/**
 * Whether an answer to a probe shows that the provider has trouble. An answer that a working server might give does not:
 * some keys may send but not ask, and a stand-in need not know the question.
 */
function isTrouble(probe: Pick<DueProbe, 'misconfigured'>, { kind }: Pick<Failed, 'kind'>): boolean {
  if (kind === 'misconfigured') return probe.misconfigured;
  return kind !== 'rejected';
}

/**
 * Writes down the result of a probe. A good one heals the breaker by one step, as a good call would. A bad one opens a
 * closed breaker, and leaves an open one as it is. A good probe does not make up for a failed call.
 *
 * @param failed undefined when the provider answered well.
 */
export async function recordProbe(db: Db, probe: DueProbe, failed: Failed | undefined): Promise<'well' | 'trouble'> {
  const { provider, startedAt, state } = probe;
  if (!failed || !isTrouble(probe, failed)) {
    if (state !== 'closed') await transact(db, (trx) => noteSuccess(trx, provider, startedAt));
    return 'well';
  }
  if (state === 'closed') {
    const { code, retryAfterMs } = failed;
    await transact(db, (trx) =>
      noteFailure(trx, provider, { kind: 'unavailable', code, retryAfterMs, startedAt, certain: true }),
    );
    return 'trouble';
  }
  const retryAfter = sql`make_interval(secs => ${(failed.retryAfterMs ?? 0) / 1000})`;
  await db
    .updateTable('provider_health')
    .set({ last_code: failed.code, hold_until: sql<Date>`greatest(hold_until, clock_timestamp() + ${retryAfter})` })
    .where('provider', '=', provider)
    .where('state', '=', 'open')
    .execute();
  return 'trouble';
}
