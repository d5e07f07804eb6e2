import { type Kysely, sql } from 'kysely';
import type { ProviderName } from '../config.js';
import type { Priority } from '../priority.js';
import { DAY_SHARE } from './admission.js';
import type { Database } from './schema.js';
import { usedToday } from './usage.js';

/** What the providers together would take of a priority now; the dispatcher asks before it starts anything. */
export interface Admittance {
  /** `probe`: none admits, but one may be tried with a single e-mail. */
  readonly gate: 'open' | 'probe' | 'none';
  /** Calls a second that their rates allow; infinite when one has none. */
  readonly ratePerS: number;
}

/** Reads breakers, switches and quotas of the providers; takes nothing. */
export async function admittance(
  db: Kysely<Database>,
  providers: readonly ProviderName[],
  priority: Priority,
): Promise<Admittance> {
  const rows = await db
    .selectFrom('provider_health as h')
    .innerJoin('provider_controls as c', 'c.provider', 'h.provider')
    .select(['c.forced', 'c.rate_per_s', 'h.state', sql<boolean>`h.probe_at <= clock_timestamp()`.as('probe_due')])
    .select(
      sql<boolean>`case when c.per_day is null then false
        else ${usedToday('h')} >= floor(c.per_day * ${DAY_SHARE[priority]}::float8) end`.as('used_up'),
    )
    .where('h.provider', 'in', [...providers])
    .where('c.enabled', '=', true)
    .execute();
  const usable = rows.filter((row) => row.forced !== 'open' && !row.used_up);
  const admitting = usable.filter((row) => row.forced === 'closed' || row.state !== 'open');
  if (admitting.length > 0) {
    const ratePerS = admitting.reduce((sum, row) => sum + (row.rate_per_s ?? Number.POSITIVE_INFINITY), 0);
    return { gate: 'open', ratePerS };
  }
  return { gate: usable.some((row) => row.probe_due) ? 'probe' : 'none', ratePerS: Number.POSITIVE_INFINITY };
}
