import { sql } from 'kysely';
import type { Db } from './database.js';
import { PARTITIONED, uuidFloor } from './partitions.js';
import type { Trx } from './transaction.js';

/** `attached`: it takes part; `detached`: it is there by itself, and nobody finds what is in it; `gone`: there is none. */
type LeafState = 'attached' | 'detached' | 'gone';

/** One of the tables that have a partition a month. */
export type Partitioned = (typeof PARTITIONED)[number];

/** The smallest id of a month, and of the one after. @param month as `YYYYMM`, in UTC. */
export function monthBounds(month: string): { readonly first: string; readonly next: string; readonly end: Date } {
  const [year, number] = [Number(month.slice(0, 4)), Number(month.slice(4))];
  const end = new Date(Date.UTC(year, number));
  return { first: uuidFloor(new Date(Date.UTC(year, number - 1))), next: uuidFloor(end), end };
}

const leafOf = (table: Partitioned, month: string) => `${table}_${month}`;

export async function stateOfLeaf(db: Db, table: Partitioned, month: string): Promise<LeafState> {
  const { rows } = await sql<{ state: LeafState }>`
    select case when to_regclass(${leafOf(table, month)}) is null then 'gone'
      when exists (select from pg_inherits where inhrelid = to_regclass(${leafOf(table, month)})) then 'attached'
      else 'detached' end as state`.execute(db);
  return rows[0]!.state;
}

/** The months that take part, as `YYYYMM`, the oldest first. */
export async function attachedMonths(db: Db): Promise<string[]> {
  const { rows } = await sql<{ month: string }>`
    select substring(inhrelid::regclass::text from '\\d{6}$') as month from pg_inherits
    where inhparent = 'emails'::regclass and inhrelid::regclass::text ~ '_\\d{6}$' order by 1`.execute(db);
  return rows.map(({ month }) => month);
}

/** Rows as the planner knows them, and bytes with indexes, of the leaves of a month; undefined when there are none. */
export async function sizeOfMonth(db: Db, month: string): Promise<{ emails: number; bytes: number } | undefined> {
  const { rows } = await sql<{ leaves: number; emails: number; bytes: number }>`
    select count(*) as leaves, coalesce(sum(greatest(reltuples, 0)) filter (where relname = ${leafOf('emails', month)}), 0)::bigint as emails,
      coalesce(sum(pg_total_relation_size(oid)), 0)::bigint as bytes
    from pg_class where relkind = 'r' and relnamespace = current_schema()::regnamespace
      and relname = any(${PARTITIONED.map((table) => leafOf(table, month))}::text[])`.execute(db);
  const { leaves, emails, bytes } = rows[0]!;
  return leaves > 0 ? { emails, bytes } : undefined;
}

const LOCK_NOT_AVAILABLE = '55P03';
const KEPT = 'TP001';

/**
 * Takes a month's leaf out of its table. One statement, so that no lock is held while it waits for us: everybody who uses
 * the table waits for it. A lock is waited for 100 ms at most, which is shorter than PostgreSQL takes to look for a deadlock.
 *
 * @param unless a condition in SQL, asked under the lock, where nobody can begin anything of the month any more.
 * @returns `busy`: the lock was not to be had, and it is to be tried again; `kept`: `unless` held.
 */
export async function detachLeaf(
  db: Db,
  table: Partitioned,
  month: string,
  unless: string,
): Promise<'detached' | 'busy' | 'kept'> {
  if (!/^\d{6}$/.test(month)) throw new Error('not a month');
  const leaf = leafOf(table, month);
  try {
    await sql
      .raw(`do $$ begin
        perform set_config('lock_timeout', '100ms', true);
        if exists (select from pg_inherits where inhrelid = to_regclass('${leaf}')) then
          alter table ${table} detach partition ${leaf};
          if ${unless} then raise exception 'kept' using errcode = '${KEPT}'; end if;
        end if;
      end $$`)
      .execute(db);
    return 'detached';
  } catch (error) {
    const { code } = error as { code?: string };
    if (code === KEPT) return 'kept';
    if (code === LOCK_NOT_AVAILABLE) return 'busy';
    throw error;
  }
}

/** Drops the leaves of a month, all of which have been detached. */
export async function dropLeaves(trx: Trx, month: string): Promise<void> {
  // Those that others name come last.
  const leaves = [...PARTITIONED].reverse().map((table) => sql.table(leafOf(table, month)));
  await sql`drop table if exists ${sql.join(leaves)}`.execute(trx);
}
