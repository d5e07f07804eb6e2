import type { ColumnType, Generated } from 'kysely';
import type { ProviderName } from '../../config.js';

// Providers: their switches, limits and health.

export interface ProviderControlTable {
  provider: ProviderName;
  enabled: Generated<boolean>;
  /** An operator's word, stronger than the breaker's own. */
  forced: 'open' | 'closed' | null;
  /** Calls a second and a day; null for no limit. */
  rate_per_s: number | null;
  per_day: number | null;
  reason: string | null;
  changed_at: Generated<Date>;
}

export interface ProviderHealthTable {
  provider: ProviderName;
  state: Generated<'closed' | 'open' | 'half_open'>;
  /** Failures in a row. */
  failures: Generated<number>;
  last_code: string | null;
  /** When a call failed last. */
  failed_at: Date | null;
  opened_at: Date | null;
  /** Openings in a row: each doubles the pause before the next probe. */
  openings: Generated<number>;
  /** When the next probe is due while another provider admits, and when the last one was made. */
  probe_at: Date | null;
  probed_at: Date | null;
  /** Until then nobody probes, whatever is due: the provider asked to be left alone, or has just failed again. */
  hold_until: ColumnType<Date, never, Date>;
  /** When an e-mail may be tried although no probe has succeeded. */
  trial_at: Date | null;
  /** Since when traffic is coming back. */
  closed_at: Date | null;
  misconfigured: Generated<boolean>;
  /** The earliest moment of the next call under the rate. */
  next_call_at: ColumnType<Date, never, Date>;
  /** The calls of a day that a limit has counted; `provider_calls` counts all others. */
  day: string | null;
  used_today: Generated<number>;
  /** The earliest moment of the next search, where a provider limits searches. */
  next_look_up_at: ColumnType<Date, never, Date>;
}
