import { sql } from 'kysely';
import type { Db } from '../../postgres/database.js';
import { type PerPriority, PRIORITIES, type Priority, perPriority } from '../../priority.js';

/** E-mails that were handed over or missed their deadline, of some hours of first deadlines. */
export interface Kept {
  /** The hour from which on first deadlines count. */
  readonly since: Date;
  readonly in_time: number;
  /** Handed over late, or never. */
  readonly missed: number;
}

/** How mail of one priority flows. */
export interface Flow {
  /** Hand-overs a minute since the reading before; null: there was none. */
  readonly handed_over_per_min: number | null;
  /** Acceptances a minute, likewise. */
  readonly accepted_per_min: number | null;
  /** Of the hour before this one, this one, and those to come: e-mails in time count where their deadline is. */
  readonly hour: Kept;
  readonly day: Kept;
}

interface Reading {
  readonly at: number;
  /** By priority and hour: how many were handed over. */
  readonly taken: ReadonlyMap<string, number>;
  /** By priority and day. */
  readonly accepted: ReadonlyMap<string, number>;
}

interface HourRow {
  readonly priority: Priority;
  readonly hour: Date;
  readonly in_time: number;
  readonly late: number;
  readonly dead: number;
}

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
/** Hours of first deadlines that are looked at: what is handed over later than this is missing in the rate. */
const HOURS = 25;
/** Two readings that are closer to each other tell nothing, and one from long ago tells of another time. */
const RATE_MS = { shortest: 1_000, longest: 5 * MINUTE_MS };

/**
 * Reads how mail flows, from what is counted anyway: one pass over the counters of a day. Rates are what has changed
 * since the last reading, so whoever wants them keeps one of these.
 */
export class FlowMeter {
  #before: Reading | undefined;

  async read(db: Db): Promise<PerPriority<Flow>> {
    const { rows: hours } = await sql<HourRow>`
      select priority, hour, sum(in_time)::int as in_time, sum(late + late_by_pause)::int as late, sum(dead)::int as dead
      from service_levels where hour > now() - make_interval(hours => ${HOURS}) group by 1, 2`.execute(db);
    const { rows: days } = await sql<{ priority: Priority; day: string; accepted: number }>`
      select priority, day::text as day, sum(accepted)::int as accepted from client_usage
      where day >= (now() at time zone 'UTC')::date - 1 group by 1, 2`.execute(db);
    const reading = {
      at: performance.now(),
      taken: new Map(hours.map((row) => [`${row.priority} ${row.hour.getTime()}`, row.in_time + row.late])),
      accepted: new Map(days.map((row) => [`${row.priority} ${row.day}`, row.accepted])),
    };
    const before = this.#before;
    this.#before = reading;
    const thisHour = Math.floor(Date.now() / HOUR_MS) * HOUR_MS;
    return perPriority((priority) => ({
      handed_over_per_min: rateOf(before, reading, 'taken', priority),
      accepted_per_min: rateOf(before, reading, 'accepted', priority),
      hour: keptSince(thisHour - HOUR_MS, priority, hours),
      day: keptSince(thisHour - 23 * HOUR_MS, priority, hours),
    }));
  }
}

function rateOf(before: Reading | undefined, now: Reading, what: 'taken' | 'accepted', priority: Priority) {
  const passedMs = before ? now.at - before.at : 0;
  if (!before || passedMs < RATE_MS.shortest || passedMs > RATE_MS.longest) return null;
  let more = 0;
  for (const [name, count] of now[what]) {
    if (name.startsWith(`${priority} `)) more += count - (before[what].get(name) ?? 0);
  }
  return Math.max(0, Math.round((more * MINUTE_MS * 10) / passedMs) / 10);
}

function keptSince(sinceMs: number, priority: Priority, hours: readonly HourRow[]): Kept {
  const those = hours.filter((row) => row.priority === priority && row.hour.getTime() >= sinceMs);
  const sum = (of: (row: HourRow) => number) => those.reduce((total, row) => total + of(row), 0);
  return { since: new Date(sinceMs), in_time: sum((row) => row.in_time), missed: sum((row) => row.late + row.dead) };
}

/** The order in which priorities are told. */
export const inOrder = <T>(of: PerPriority<T>) => PRIORITIES.map((priority) => ({ priority, ...of[priority] }));
