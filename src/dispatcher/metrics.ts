import { Counter, Gauge, Registry } from 'prom-client';
import { PROVIDER_NAMES, type ProviderName } from '../config.js';
import { countLeftovers, reportQueues } from '../domain/queue/report.js';
import { readCounters } from '../postgres/counters.js';
import type { Db } from '../postgres/database.js';
import { COUNTER_NAMES } from '../postgres/schema.js';
import type { PerPriority } from '../priority.js';
import { type Sample, shared } from '../process/metrics/server.js';

interface MetricsSources {
  readonly db: Db;
  readonly deadlineMs: PerPriority<number>;
  /** Those we send through. */
  readonly providers: readonly ProviderName[];
  /** This dispatcher's own: how many bulk e-mails may be before their first call. */
  readonly windows: PerPriority<{ readonly size: number }>;
}

/** Alerts look every 15 s or so; counting costs the database one pass over the queue. */
const MAX_AGE_MS = 5_000;

/**
 * What the record says, for Prometheus. All but the windows is the same from each dispatcher, so none has to be the only
 * one. It is counted once in five seconds, however many ask.
 */
export const sampleRecord = (sources: MetricsSources): Sample => shared(() => measure(sources), MAX_AGE_MS);

/** Reads the record and puts it into Prometheus' format. */
async function measure({ db, deadlineMs, providers, windows }: MetricsSources): Promise<string> {
  const registry = new Registry();
  const gauge: NewGauge = (name, help, labelNames = []) => new Gauge({ name, help, labelNames, registers: [registry] });
  measureQueues(gauge, await reportQueues(db, deadlineMs, providers));
  const window = gauge(
    'tempost_dispatcher_starting_window',
    'Bulk e-mails that this dispatcher lets be on their way to their first call: few when that takes long',
    ['priority'],
  );
  for (const priority of ['medium', 'low'] as const) window.set({ priority }, windows[priority].size);
  await measureProviders(gauge, db);
  await measureLeftovers(gauge, db);
  await countEvents(db, registry);
  return registry.metrics();
}

type NewGauge = (name: string, help: string, labelNames?: string[]) => Gauge;

function measureQueues(gauge: NewGauge, queues: Awaited<ReturnType<typeof reportQueues>>): void {
  const depth = gauge('tempost_queue_emails', 'E-mails with something left to be done', ['priority', 'state']);
  const oldest = gauge('tempost_queue_oldest_seconds', 'How long the oldest waiting has been due', ['priority']);
  const late = gauge('tempost_queue_late_emails', 'E-mails past their deadline and not handed over', ['priority']);
  const stuck = gauge('tempost_queue_stuck_emails', 'Of those in flight: dispatched more than two minutes ago', [
    'priority',
  ]);
  const paused = gauge('tempost_queue_paused', '1 while stopped: by us (tempost), or in Temporal alone (temporal)', [
    'priority',
    'by',
  ]);
  const admitting = gauge('tempost_queue_admitting_providers', 'How many providers take e-mails of it now', [
    'priority',
  ]);
  const states = [
    'waiting',
    'held',
    'scheduled',
    'in_flight',
    'backing_off',
    'awaiting_provider',
    'handed_over',
  ] as const;
  for (const queue of queues) {
    const { priority } = queue;
    for (const state of states) depth.set({ priority, state }, queue[state]);
    oldest.set({ priority }, queue.oldest_waiting_s ?? 0);
    late.set({ priority }, queue.past_deadline);
    stuck.set({ priority }, queue.stuck);
    admitting.set({ priority }, queue.admitting_providers.length);
    for (const by of ['tempost', 'temporal'] as const) {
      paused.set({ priority, by }, queue.pauses.some((pause) => pause.by === by) ? 1 : 0);
    }
  }
}

async function measureProviders(gauge: NewGauge, db: Db): Promise<void> {
  const breaker = gauge('tempost_provider_breaker_open', '1 while the breaker is open, 0.5 half open', ['provider']);
  const blamed = gauge('tempost_provider_misconfigured', '1 while a provider refuses our account or settings', [
    'provider',
  ]);
  const failures = gauge('tempost_provider_failures_in_a_row', 'Failed calls since the last good one', ['provider']);
  for (const health of await db.selectFrom('provider_health').selectAll().execute()) {
    const { provider } = health;
    breaker.set({ provider }, { closed: 0, half_open: 0.5, open: 1 }[health.state]);
    blamed.set({ provider }, health.misconfigured ? 1 : 0);
    failures.set({ provider }, health.failures);
  }
}

async function measureLeftovers(gauge: NewGauge, db: Db): Promise<void> {
  const leftovers = await countLeftovers(db);
  gauge('tempost_dead_letters', 'Dead letters waiting for an operator').set(leftovers.dead_letters.waiting);
  gauge('tempost_pending_signals', 'News that workflows have not been told yet').set(leftovers.pending_signals);
  gauge('tempost_unmatched_webhooks', 'Webhooks of the last day that belong to no e-mail').set(
    leftovers.unmatched_webhooks,
  );
}

async function countEvents(db: Db, registry: Registry): Promise<void> {
  const events = new Counter({
    name: 'tempost_events_total',
    help: 'Rare events since the beginning, by what happened and where',
    labelNames: ['event', 'provider'],
    registers: [registry],
  });
  // What has not happened yet is told as well: `increase()` knows nothing of a series that begins with a one.
  for (const event of COUNTER_NAMES) for (const provider of PROVIDER_NAMES) events.inc({ event, provider }, 0);
  for (const { name, label, value } of await readCounters(db)) events.inc({ event: name, provider: label }, value);
}
