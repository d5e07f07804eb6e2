import { type Kysely, sql } from 'kysely';
import type { Db } from './database.js';

/**
 * An index over a table that is partitioned by months, which can be added while the table is large and in use: small
 * months get theirs in the migration, the others from the dispatcher, beside the traffic.
 */
export interface MonthIndex {
  readonly name: string;
  readonly table: string;
  /** What the name of a month's own index ends with, behind that of the month's table. */
  readonly suffix: string;
  /** What stands behind the table's name in `create index`: the method, the columns, the condition. */
  readonly covers: string;
}

/** While an index is built in the usual way, nobody can write: below this size nobody notices. */
const SMALL_BYTES = 64 * 1024 * 1024;

/** Makes the index, for small months at once; the large ones are left to `completeMonthIndexes`. In a migration. */
export async function createMonthIndex(db: Kysely<any>, index: MonthIndex): Promise<void> {
  await sql`create index ${sql.ref(index.name)} on only ${sql.table(index.table)} ${sql.raw(index.covers)}`.execute(db);
  for (const { leaf, bytes } of await leavesWithout(db, index)) {
    if (bytes >= SMALL_BYTES) continue;
    await sql`create index ${sql.ref(nameOf(leaf, index))} on ${sql.table(leaf)} ${sql.raw(index.covers)}`.execute(db);
    await attach(db, leaf, index);
  }
}

/** Two that build at once would wait for each other's snapshots. The name is that of the first index that was so built. */
const LOCK = sql`hashtext('tempost.message_index')`;

/**
 * Builds the indexes for the months that have none, without holding up who writes. An interrupted try leaves half an
 * index, which goes first. One process at a time.
 */
export async function completeMonthIndexes(db: Db, indexes: readonly MonthIndex[]): Promise<void> {
  const missing: MonthIndex[] = [];
  for (const index of indexes) if ((await leavesWithout(db, index)).length > 0) missing.push(index);
  if (missing.length === 0) return;
  await db.connection().execute(async (connection) => {
    const { rows } = await sql<{ locked: boolean }>`select pg_try_advisory_lock(${LOCK}) as locked`.execute(connection);
    if (!rows[0]?.locked) return;
    try {
      await sql`set statement_timeout = 0`.execute(connection);
      for (const index of missing) await complete(connection, index);
    } finally {
      await sql`reset statement_timeout`.execute(connection);
      await sql`select pg_advisory_unlock(${LOCK})`.execute(connection);
    }
  });
}

async function complete(db: Kysely<any>, index: MonthIndex): Promise<void> {
  for (const { leaf } of await leavesWithout(db, index)) {
    const name = sql.ref(nameOf(leaf, index));
    await sql`drop index concurrently if exists ${name}`.execute(db);
    await sql`create index concurrently ${name} on ${sql.table(leaf)} ${sql.raw(index.covers)}`.execute(db);
    await attach(db, leaf, index);
  }
}

const nameOf = (leaf: string, { suffix }: MonthIndex) => `${leaf}_${suffix}`;

const attach = (db: Kysely<any>, leaf: string, index: MonthIndex) =>
  sql`alter index ${sql.ref(index.name)} attach partition ${sql.ref(nameOf(leaf, index))}`.execute(db);

/** The months' tables that the index does not cover yet; none while its migration has not run. */
async function leavesWithout(db: Kysely<any>, { name, table }: MonthIndex): Promise<{ leaf: string; bytes: number }[]> {
  const { rows } = await sql<{ leaf: string; bytes: number }>`
    select c.relname as leaf, pg_relation_size(c.oid) as bytes
    from pg_inherits p join pg_class c on c.oid = p.inhrelid
    where p.inhparent = ${table}::regclass and to_regclass(${name}) is not null and not exists (
      select from pg_inherits q join pg_index i on i.indexrelid = q.inhrelid
      where q.inhparent = to_regclass(${name}) and i.indrelid = c.oid)
    order by c.relname`.execute(db);
  return rows;
}
