import { sql } from 'kysely';
import type { Db } from '../../postgres/database.js';

/** The advisory lock that each dispatcher shares for as long as its listening connection lasts: its sign of life. */
const SIGN = `hashtext('tempost.dispatcher'), 1`;

/** Gives the sign; PostgreSQL takes it back with the connection. */
export const GIVE_DISPATCHER_SIGN = `select pg_advisory_lock_shared(${SIGN})`;

/** Whether a dispatcher is connected. One that is frozen is for as long as its connection lasts. */
export async function hasDispatcher(db: Db): Promise<boolean> {
  const { rows } = await sql<{ there: boolean }>`select exists (select from pg_locks
    where locktype = 'advisory' and granted and objsubid = 2 and objid = 1
      and classid = (hashtext('tempost.dispatcher')::bigint & 4294967295)::oid
      and database = (select oid from pg_database where datname = current_database())) as there`.execute(db);
  return rows[0]!.there;
}
