import type { ProviderName } from '../../config.js';
import type { Db } from '../../postgres/database.js';
import type { PerPriority } from '../../priority.js';
import { type ProviderView, readProviders } from '../provider-health/switches.js';
import { countLeftovers, type Leftovers, type QueueReport, reportQueues } from '../queue/report.js';
import { type Flow, FlowMeter } from './flow.js';
import { type RecentCalls, readRecentCalls } from './recent-calls.js';

/** What is measured. */
export interface MeasureOptions {
  readonly db: Db;
  readonly deadlineMs: PerPriority<number>;
  /** Those we send through. */
  readonly providers: readonly ProviderName[];
}

/** How all of it stands at one moment, as the record says. */
export interface Measured extends Leftovers {
  readonly at: Date;
  readonly queues: readonly QueueReport[];
  readonly providers: readonly ProviderView[];
  readonly flow: PerPriority<Flow>;
  readonly calls: readonly RecentCalls[];
}

/** Measures again and again; from the second time on it knows rates. */
export function createMeasure({ db, deadlineMs, providers }: MeasureOptions): () => Promise<Measured> {
  const meter = new FlowMeter();
  return async () => {
    const at = new Date();
    // One after the other: whoever looks must not take the connections of those who send.
    const queues = await reportQueues(db, deadlineMs, providers);
    const views = await readProviders(db, providers);
    const leftovers = await countLeftovers(db);
    const flow = await meter.read(db);
    return { at, queues, providers: views, ...leftovers, flow, calls: await readRecentCalls(db) };
  };
}
