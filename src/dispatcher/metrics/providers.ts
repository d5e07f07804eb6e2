import type { ProviderName } from '../../config.js';
import { readProviders } from '../../domain/provider-health/switches.js';
import type { Db } from '../../postgres/database.js';
import type { NewGauge } from './gauges.js';

/** Breakers, switches and quotas of the providers. */
export async function measureProviders(gauge: NewGauge, db: Db, configured: readonly ProviderName[]): Promise<void> {
  const breaker = gauge('tempost_provider_breaker_open', '1 while the breaker is open, 0.5 half open', ['provider']);
  const blamed = gauge('tempost_provider_misconfigured', '1 while a provider refuses our account or settings', [
    'provider',
  ]);
  const failures = gauge('tempost_provider_failures_in_a_row', 'Failed calls since the last good one', ['provider']);
  const inUse = gauge('tempost_provider_configured', '1 while PROVIDERS names it', ['provider']);
  const enabled = gauge('tempost_provider_enabled', '0 while an operator has switched it off', ['provider']);
  const forced = gauge('tempost_provider_forced', '1 while an operator forces the breaker to be so', [
    'provider',
    'state',
  ]);
  const used = gauge('tempost_provider_quota_used_calls', 'Calls since midnight UTC', ['provider']);
  const quota = gauge('tempost_provider_quota_calls', 'Calls that it may get a day; none told: no limit', ['provider']);
  const rate = gauge('tempost_provider_rate_limit', 'Calls that it may get a second; none told: no limit', [
    'provider',
  ]);
  const blocked = gauge('tempost_provider_blocked_domains', 'Sender domains that it does not take for now', [
    'provider',
  ]);
  for (const { provider, ...view } of await readProviders(db, configured)) {
    breaker.set({ provider }, { closed: 0, half_open: 0.5, open: 1 }[view.breaker.state]);
    blamed.set({ provider }, view.breaker.misconfigured ? 1 : 0);
    failures.set({ provider }, view.breaker.failures);
    inUse.set({ provider }, view.configured ? 1 : 0);
    enabled.set({ provider }, view.enabled ? 1 : 0);
    for (const state of ['open', 'closed'] as const) forced.set({ provider, state }, view.forced === state ? 1 : 0);
    used.set({ provider }, view.used_today);
    if (view.per_day !== null) quota.set({ provider }, view.per_day);
    if (view.rate_per_s !== null) rate.set({ provider }, view.rate_per_s);
    blocked.set({ provider }, view.blocked_domains.length);
  }
}
