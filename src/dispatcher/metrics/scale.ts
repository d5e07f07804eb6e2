import type { Scale } from '../../domain/fleets/scale.js';
import type { NewGauge } from './gauges.js';

/** What autoscalers go by; `GET /scale` has the same as JSON. */
export function measureScale(gauge: NewGauge, scales: readonly Scale[]): void {
  const of = (name: string, help: string) => gauge(name, help, ['priority']);
  const wanted = of('tempost_scale_wanted_workers', 'How many workers there should be');
  const workers = of('tempost_scale_workers', 'Workers that say that they run');
  const emails = of(
    'tempost_scale_emails',
    'E-mails that are work for workers: those that wait and those in flight; 0 while paused',
  );
  const limit = of('tempost_scale_in_flight_limit', 'How many e-mails may be in flight');
  const deadline = of(
    'tempost_scale_oldest_deadline_seconds',
    'How long the oldest that waits has until its deadline; negative: it has passed; none told: none waits',
  );
  const arrivals = gauge('tempost_scale_arrivals_per_second', 'E-mails accepted a second, over so many minutes', [
    'priority',
    'over',
  ]);
  for (const { priority, ...scale } of scales) {
    wanted.set({ priority }, scale.wanted_workers);
    workers.set({ priority }, scale.workers);
    emails.set({ priority }, scale.scale_emails);
    limit.set({ priority }, scale.in_flight_limit);
    if (scale.oldest_deadline_in_s !== null) deadline.set({ priority }, scale.oldest_deadline_in_s);
    arrivals.set({ priority, over: '1m' }, scale.arrivals_per_s.over_1_min);
    arrivals.set({ priority, over: '5m' }, scale.arrivals_per_s.over_5_min);
  }
}
