import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { sql } from 'kysely';
import type { Db } from '../../postgres/database.js';
import type { ProcessKind } from '../../postgres/schema.js';
import type { Priority } from '../../priority.js';

/** How often a process says that it runs: twelve statements a minute, of a row that nobody else writes. */
const BEAT_MS = 5_000;
/** Two beats are missing: it is frozen, cut off from the database, or dead. */
export const SILENT_AFTER = sql`interval '12 seconds'`;
/** Then it is neither listed nor kept. */
const FORGOTTEN_AFTER = sql`interval '1 hour'`;

/** What a process is, from its start to its end. */
interface Kind {
  readonly process: ProcessKind;
  /** Of a worker. */
  readonly priority: Priority | null;
  readonly version: string;
  /** Of a worker: its build; left out: none. */
  readonly buildId?: string;
}

/** What a worker says of itself beside that it runs. */
export interface Vitals {
  /** It asks Temporal for tasks, and Temporal answers. */
  readonly polling: boolean;
  /** Calls to providers under way, and how many there may be at once. */
  readonly slotsUsed: number;
  readonly slots: number;
  /** How long ago it last got a task; null: none yet. */
  readonly lastTaskMsAgo: number | null;
}

/** What one process writes of itself. */
export interface HeartbeatRow {
  readonly everyMs: number;
  /** Says that it runs. */
  beat(vitals: Vitals | undefined): Promise<unknown>;
  /** Takes it from the list: it is not to be missed. */
  goodbye(): Promise<unknown>;
}

/** The row of this process, another one after each start. */
export function heartbeatRow(db: Db, kind: Kind): HeartbeatRow {
  const { buildId, ...rest } = kind;
  const identity = { ...rest, build_id: buildId ?? null, id: randomUUID(), host: hostname(), pid: process.pid };
  return {
    everyMs: BEAT_MS,
    beat: (vitals) => beat(db, identity, vitals),
    goodbye: () => db.deleteFrom('process_heartbeats').where('id', '=', identity.id).execute(),
  };
}

interface Identity extends Omit<Kind, 'buildId'> {
  readonly id: string;
  readonly build_id: string | null;
  readonly host: string;
  readonly pid: number;
}

/** By the database's clock: clocks of machines differ. */
async function beat(db: Db, identity: Identity, vitals: Vitals | undefined): Promise<void> {
  const lastTaskS = vitals?.lastTaskMsAgo == null ? null : vitals.lastTaskMsAgo / 1000;
  const now = {
    beat_at: sql<Date>`clock_timestamp()`,
    polling: vitals?.polling ?? null,
    slots_used: vitals?.slotsUsed ?? null,
    slots: vitals?.slots ?? null,
    last_task_at: sql<Date | null>`clock_timestamp() - make_interval(secs => ${lastTaskS}::float8)`,
  };
  await db
    .insertInto('process_heartbeats')
    .values({ ...identity, ...now })
    .onConflict((conflict) => conflict.column('id').doUpdateSet(now))
    .execute();
}

/** A process as operators see it. */
export interface ProcessView {
  readonly process: ProcessKind;
  readonly priority: Priority | null;
  readonly host: string;
  readonly pid: number;
  readonly version: string;
  readonly started_at: Date;
  /** When it last said that it runs, and how long ago that is, in seconds. */
  readonly beat_at: Date;
  readonly beat_s: number;
  /** It has said nothing for longer than it ever should. */
  readonly silent: boolean;
  readonly polling: boolean | null;
  readonly slots_used: number | null;
  readonly slots: number | null;
  readonly last_task_at: Date | null;
  /** Of a worker: its build; null: none. */
  readonly build_id: string | null;
}

/** Every process that runs, or that ended without a goodbye in the last hour. */
export async function listProcesses(db: Db): Promise<ProcessView[]> {
  const { rows } = await sql<ProcessView>`
    select process, priority, host, pid, version, started_at, beat_at, polling, slots_used, slots, last_task_at, build_id,
      greatest(0, round(extract(epoch from clock_timestamp() - beat_at)::numeric, 1))::float8 as beat_s,
      beat_at < clock_timestamp() - ${SILENT_AFTER} as silent
    from process_heartbeats where beat_at > clock_timestamp() - ${FORGOTTEN_AFTER}
    order by process, case priority when 'critical' then 1 when 'medium' then 2 else 3 end, host, started_at`.execute(
    db,
  );
  return rows;
}

/** Removes those that have been silent for an hour. */
export async function forgetDead(db: Db): Promise<void> {
  await sql`delete from process_heartbeats where beat_at < clock_timestamp() - ${FORGOTTEN_AFTER}`.execute(db);
}

/**
 * How the processes of a kind are. `well`: one says that it runs, and polls, where that is its work. `not_polling`: those
 * that run do not, yet or while Temporal is away. `silent`: none is heard any more. `unknown`: there is none; those of a
 * release before say nothing.
 */
type KindState = 'well' | 'not_polling' | 'silent' | 'unknown';

/** How the dispatchers are (priority null), or the workers of a priority. */
export async function stateOf(db: Db, process: ProcessKind, priority: Priority | null): Promise<KindState> {
  const all = await listProcesses(db);
  const own = all.filter((each) => each.process === process && each.priority === priority);
  if (own.length === 0) return 'unknown';
  const heard = own.filter(({ silent }) => !silent);
  if (heard.length === 0) return 'silent';
  return heard.some(({ polling }) => process !== 'worker' || polling === true) ? 'well' : 'not_polling';
}
