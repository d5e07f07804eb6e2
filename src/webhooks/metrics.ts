import type { ProviderName } from '../config.js';
import { counter, histogram } from '../process/metrics/registry.js';
import type { Stored } from './store.js';

/** What comes of an event that a provider tells: `matched` events are stored with their e-mail, others by themselves. */
const events = counter({
  name: 'tempost_webhook_events_total',
  help: 'Events that providers told and that are stored',
  labels: ['provider', 'outcome'],
});

const lag = histogram(
  {
    name: 'tempost_webhook_lag_seconds',
    help: 'From when an event occurred, by the clock of the provider, to when it was stored here',
    labels: ['provider'],
  },
  [1, 2.5, 5, 10, 30, 60, 300, 900, 3600, 14_400, 43_200],
);

const refusals = counter({
  name: 'tempost_webhook_refusals_total',
  help: 'Requests to the webhooks service that were not done, by route and by the code in the answer',
  labels: ['route', 'code'],
});

/** Counts what was committed of one webhook. */
export function countStored(provider: ProviderName, { unmatched, matched }: Omit<Stored, 'signals'>): void {
  if (unmatched > 0) events.inc({ provider, outcome: 'unmatched' }, unmatched);
  if (matched.length > 0) events.inc({ provider, outcome: 'matched' }, matched.length);
  // A clock that is ahead of ours is no lag.
  for (const { occurredAt } of matched)
    lag.observe({ provider }, Math.max(0, Date.now() - occurredAt.getTime()) / 1000);
}

/** @param route the pattern, never the address; undefined when none matched. */
export function countRefusal(route: unknown, code: string): void {
  refusals.inc({ route: typeof route === 'string' ? route : 'none', code });
}
