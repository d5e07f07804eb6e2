import { Registry } from 'prom-client';
import type { ProviderName } from '../../config.js';
import { scaleOf } from '../../domain/fleets/scale.js';
import { reportQueues } from '../../domain/queue/report.js';
import { type Disk, measureDisk } from '../../domain/samples/disk.js';
import type { Db } from '../../postgres/database.js';
import type { PerPriority } from '../../priority.js';
import type { Sample } from '../../process/metrics/server.js';
import { shared } from '../../process/shared.js';
import { measureBuilds } from './builds.js';
import { measureDiskUse } from './disk.js';
import { gaugesOf } from './gauges.js';
import { measureLeftovers, measureRareEvents, measureStorageBacklog } from './leftovers.js';
import { measureProcesses } from './processes.js';
import { measureProviders } from './providers.js';
import { measureQueues, measureWindows } from './queues.js';
import { measureRetention } from './retention.js';
import { measureScale } from './scale.js';
import { createOutcomeCounter } from './service-levels.js';

interface MetricsSources {
  readonly db: Db;
  readonly deadlineMs: PerPriority<number>;
  /** Of a hundred e-mails, how many are to be in time. */
  readonly serviceLevelTarget: number;
  /** Those we send through. */
  readonly providers: readonly ProviderName[];
  /** How many e-mails of a priority may be in flight. */
  readonly inFlightLimit: PerPriority<number>;
  readonly disk: Disk;
  /** This dispatcher's own: how many bulk e-mails may be before their first call. */
  readonly windows: PerPriority<{ readonly size: number }>;
}

/** Alerts look every 15 s or so; counting costs the database one pass over the queue. */
export const MAX_AGE_MS = 5_000;
/** A disk fills up in days. */
const DISK_MAX_AGE_MS = 60_000;

/**
 * What the record says, for Prometheus. All but the windows is the same from each dispatcher, so none has to be the only
 * one. It is counted once in five seconds, however many ask.
 */
export function sampleRecord(sources: MetricsSources): Sample {
  const countOutcomes = createOutcomeCounter(sources.db, sources.serviceLevelTarget);
  const readDisk = shared(() => measureDisk(sources.db, sources.disk), DISK_MAX_AGE_MS);
  return shared(async () => {
    const { db, deadlineMs, providers, inFlightLimit, windows } = sources;
    const registry = new Registry();
    const gauge = gaugesOf(registry);
    const queues = await reportQueues(db, deadlineMs, providers);
    measureQueues(gauge, queues);
    measureScale(gauge, await scaleOf(db, queues, { deadlineMs, inFlightLimit }));
    measureWindows(gauge, windows);
    await measureProviders(gauge, db, providers);
    await measureLeftovers(gauge, db);
    await measureStorageBacklog(gauge, db);
    await measureProcesses(gauge, db);
    await measureBuilds(gauge, db);
    measureDiskUse(gauge, await readDisk());
    await measureRareEvents(registry, db);
    await measureRetention(registry, db);
    await countOutcomes(registry);
    return registry.metrics();
  }, MAX_AGE_MS);
}
