import { type Kysely, sql } from 'kysely';
import type { Db } from '../../postgres/database.js';

/**
 * The index that finds an attempt by Mandrill's id of the message, for events that name nothing else. Such ids are
 * random: an index by them alone would be written all over, and the write-ahead log would grow by most of a page for
 * each e-mail. So the beginning of our own id stands first, which is a time: what is written together stands together.
 * Mailgun's attempts cost nothing: its events carry our Message-ID.
 */
const INDEX = 'send_attempts_by_message';
const COVERED = sql.raw(`(left(email_id::text, 7), left(provider_message_id, 12))
  where provider = 'mandrill' and provider_message_id is not null`);

/** While an index is built in the usual way, nobody can write: below this size nobody notices. */
const SMALL_BYTES = 64 * 1024 * 1024;

/** Makes the index, for small months at once; the large ones are left to `completeMessageIndex`. In a migration. */
export async function createMessageIndex(db: Kysely<any>): Promise<void> {
  await sql`create index ${sql.ref(INDEX)} on only send_attempts ${COVERED}`.execute(db);
  for (const { leaf, bytes } of await leavesWithout(db)) {
    if (bytes >= SMALL_BYTES) continue;
    await sql`create index ${sql.ref(nameOf(leaf))} on ${sql.table(leaf)} ${COVERED}`.execute(db);
    await attach(db, leaf);
  }
}

/**
 * Builds the index for the months that have none, without holding up who writes. An interrupted try leaves half an
 * index, which goes first. One process at a time.
 */
export async function completeMessageIndex(db: Db): Promise<void> {
  if ((await leavesWithout(db)).length === 0) return;
  await db.connection().execute(async (connection) => {
    const lock = sql`hashtext('tempost.message_index')`;
    const { rows } = await sql<{ locked: boolean }>`select pg_try_advisory_lock(${lock}) as locked`.execute(connection);
    if (!rows[0]?.locked) return;
    try {
      await sql`set statement_timeout = 0`.execute(connection);
      for (const { leaf } of await leavesWithout(connection)) {
        await sql`drop index concurrently if exists ${sql.ref(nameOf(leaf))}`.execute(connection);
        await sql`create index concurrently ${sql.ref(nameOf(leaf))} on ${sql.table(leaf)} ${COVERED}`.execute(
          connection,
        );
        await attach(connection, leaf);
      }
    } finally {
      await sql`reset statement_timeout`.execute(connection);
      await sql`select pg_advisory_unlock(${lock})`.execute(connection);
    }
  });
}

const nameOf = (leaf: string) => `${leaf}_by_message`;

const attach = (db: Kysely<any>, leaf: string) =>
  sql`alter index ${sql.ref(INDEX)} attach partition ${sql.ref(nameOf(leaf))}`.execute(db);

/** The months' tables that the index does not cover yet. */
async function leavesWithout(db: Kysely<any>): Promise<{ leaf: string; bytes: number }[]> {
  const { rows } = await sql<{ leaf: string; bytes: number }>`
    select c.relname as leaf, pg_relation_size(c.oid) as bytes
    from pg_inherits p join pg_class c on c.oid = p.inhrelid
    where p.inhparent = 'send_attempts'::regclass and not exists (
      select from pg_inherits q join pg_index i on i.indexrelid = q.inhrelid
      where q.inhparent = to_regclass(${INDEX}) and i.indrelid = c.oid)
    order by c.relname`.execute(db);
  return rows;
}
