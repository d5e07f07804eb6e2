import { sql } from 'kysely';
import type { ProviderName } from '../../config.js';
import type { Db } from '../../postgres/database.js';
import type { PerPriority, Priority } from '../../priority.js';
import { type QueueReport, reportQueues } from '../queue/report.js';
import { listProcesses } from './heartbeats.js';

/**
 * Calls to providers that one worker process makes at once: calls a second ÷ seconds a call, doubled for a slow
 * provider. So many e-mails a worker is worth.
 * - critical: ten thousand a day is one every eight seconds. Slots are plenty, so that nothing ever waits for one.
 * - medium: 200 thousand a day, mostly in working hours: about 7 a second, 20 in bursts, at up to 1 s a call.
 * - low: a million a day: 12 a second, with a backlog; the in-flight limit bounds what is at work.
 */
export const SEND_SLOTS: PerPriority<number> = { critical: 50, medium: 60, low: 40 };

/** No fleet is without a worker; critical has one more, so that it outlives one. */
const LEAST: PerPriority<number> = { critical: 2, medium: 1, low: 1 };

/** What autoscalers, and people who size fleets, want to know of one priority. */
export interface Scale {
  readonly priority: Priority;
  /** Due, and not dispatched yet. */
  readonly waiting: number;
  /** Age of the oldest that waits, also for a provider, from when it was due; null: none waits. */
  readonly oldest_s: number | null;
  /** How long that one has until its deadline; negative when that has passed. */
  readonly oldest_deadline_in_s: number | null;
  /** Due, and held by an operator's hold: no work for a worker. */
  readonly held: number;
  /** E-mails accepted a second, over one minute and over five. */
  readonly arrivals_per_s: { readonly over_1_min: number; readonly over_5_min: number };
  /** Being handed over, and how many may be. */
  readonly in_flight: number;
  readonly in_flight_limit: number;
  /** By us, or in Temporal. */
  readonly paused: boolean;
  /** A provider takes it. While none does, more workers are no help. */
  readonly admitted: boolean;
  /** Workers that say that they run, and how many calls each makes at once. */
  readonly workers: number;
  readonly worker_slots: number;
  /** The e-mails that are work for workers; see `wantedOf`. */
  readonly scale_emails: number;
  /** How many workers there should be. */
  readonly wanted_workers: number;
}

interface ScaleSettings {
  readonly deadlineMs: PerPriority<number>;
  readonly providers: readonly ProviderName[];
  readonly inFlightLimit: PerPriority<number>;
}

/** Reads the numbers of each priority, the most urgent first. */
export async function readScale(db: Db, settings: ScaleSettings): Promise<Scale[]> {
  return scaleOf(db, await reportQueues(db, settings.deadlineMs, settings.providers), settings);
}

/** The same, for whoever has read the queues. */
export async function scaleOf(
  db: Db,
  queues: readonly QueueReport[],
  { deadlineMs, inFlightLimit }: Omit<ScaleSettings, 'providers'>,
): Promise<Scale[]> {
  const running = (await listProcesses(db)).filter(({ process, silent }) => process === 'worker' && !silent);
  const arrivals = await countArrivals(db);
  return queues.map((queue) => {
    const { priority, waiting, held, in_flight, paused, oldest_waiting_s } = queue;
    const load = {
      waiting,
      in_flight,
      in_flight_limit: inFlightLimit[priority],
      paused,
      admitted: queue.admitting_providers.length > 0,
      workers: running.filter((worker) => worker.priority === priority).length,
      worker_slots: SEND_SLOTS[priority],
    };
    return {
      priority,
      ...load,
      oldest_s: oldest_waiting_s,
      oldest_deadline_in_s: oldest_waiting_s === null ? null : deadlineMs[priority] / 1000 - oldest_waiting_s,
      held,
      arrivals_per_s: arrivals.get(priority) ?? { over_1_min: 0, over_5_min: 0 },
      ...wantedOf(priority, load),
    };
  });
}

/** What `wantedOf` goes by. */
export type Load = Pick<
  Scale,
  'waiting' | 'in_flight' | 'in_flight_limit' | 'paused' | 'admitted' | 'workers' | 'worker_slots'
>;

/**
 * How many workers a priority should have: one for each `worker_slots` e-mails that wait or are in flight, at least two
 * of critical and one of the others, at most as many as the limit in flight can keep busy. A priority that is paused
 * has no work, so its fleet never grows; while no provider takes it, the fleet stays as it is.
 */
export function wantedOf(priority: Priority, load: Load): Pick<Scale, 'scale_emails' | 'wanted_workers'> {
  const { waiting, in_flight, in_flight_limit, paused, admitted, workers, worker_slots } = load;
  const least = LEAST[priority];
  const most = Math.max(least, Math.ceil(in_flight_limit / worker_slots));
  // More workers would wait as well.
  const work = admitted ? waiting + in_flight : Math.min(waiting + in_flight, Math.max(workers, least) * worker_slots);
  const scale_emails = paused ? 0 : work;
  return { scale_emails, wanted_workers: Math.min(most, Math.max(least, Math.ceil(scale_emails / worker_slots))) };
}

/** By the time in their ids, which are of version 7: so only the last minutes are read, in one month's table or two. */
async function countArrivals(db: Db): Promise<ReadonlyMap<Priority, Scale['arrivals_per_s']>> {
  const { rows } = await sql<{ priority: Priority; over_1_min: number; over_5_min: number }>`
    select priority, round(count(*) filter (where created_at > now() - interval '1 minute') / 60.0, 3)::float8 as over_1_min,
      round(count(*) / 300.0, 3)::float8 as over_5_min
    from emails
    where id >= (lpad(to_hex(floor(extract(epoch from now() - interval '6 minutes') * 1000)::bigint), 12, '0')
      || repeat('0', 20))::uuid and created_at > now() - interval '5 minutes'
    group by priority`.execute(db);
  return new Map(rows.map(({ priority, ...rates }) => [priority, rates]));
}
