import { Counter, type Registry } from 'prom-client';
import { PROVIDER_NAMES } from '../../config.js';
import { countStorageBacklog } from '../../domain/emails/storage-backlog.js';
import { countHolds } from '../../domain/holds/holds.js';
import { countLeftovers } from '../../domain/queue/report.js';
import { readCounters } from '../../postgres/counters.js';
import type { Db } from '../../postgres/database.js';
import { COUNTER_NAMES, DEAD_REASONS } from '../../postgres/schema.js';
import type { NewGauge } from './gauges.js';

/** What waits for a person, for Temporal, or for its hour: dead letters, outboxes, holds. */
export async function measureLeftovers(gauge: NewGauge, db: Db): Promise<void> {
  const leftovers = await countLeftovers(db);
  const dead = gauge('tempost_dead_letters', 'Dead letters waiting for an operator', ['reason']);
  const { by_reason } = leftovers.dead_letters;
  for (const reason of new Set([...DEAD_REASONS, ...Object.keys(by_reason)])) {
    dead.set({ reason }, by_reason[reason] ?? 0);
  }
  const age = (name: string, help: string, seconds: number | null) => gauge(name, help).set(seconds ?? 0);
  gauge('tempost_pending_signals', 'News that workflows have not been told yet').set(leftovers.pending_signals);
  age(
    'tempost_pending_signals_oldest_seconds',
    'How long the oldest of them has waited',
    leftovers.oldest_pending_signal_s,
  );
  gauge('tempost_untold_failures', 'Failures of which senders are told by a digest').set(leftovers.untold_failures);
  age(
    'tempost_untold_failures_oldest_seconds',
    'Since the oldest hour began of which a digest is owed: more than an hour and some minutes is too much',
    leftovers.oldest_untold_failure_s,
  );
  gauge('tempost_unmatched_webhooks', 'Webhooks of the last day that belong to no e-mail').set(
    leftovers.unmatched_webhooks,
  );
  const { holding, rejecting, oldest_s } = await countHolds(db);
  const holds = gauge('tempost_holds', 'Holds of operators: those that accept and hold, and those that refuse', [
    'effect',
  ]);
  holds.set({ effect: 'hold' }, holding);
  holds.set({ effect: 'reject' }, rejecting);
  age('tempost_holds_oldest_seconds', 'How long there has been the oldest hold', oldest_s);
}

/** What waits for the object store. */
export async function measureStorageBacklog(gauge: NewGauge, db: Db): Promise<void> {
  const { uploads, oldest_upload_s, removals, oldest_removal_s } = await countStorageBacklog(db);
  gauge('tempost_pending_uploads', 'Attachments that are in the database alone, their e-mails dispatched').set(uploads);
  gauge('tempost_pending_uploads_oldest_seconds', 'How long the oldest of them has waited').set(oldest_upload_s ?? 0);
  gauge('tempost_pending_removals', 'Objects that nothing refers to any more and that are still stored').set(removals);
  gauge('tempost_pending_removals_oldest_seconds', 'How long the oldest of them has waited').set(oldest_removal_s ?? 0);
}

/** Rare events, as the record counts them. */
export async function measureRareEvents(registry: Registry, db: Db): Promise<void> {
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
