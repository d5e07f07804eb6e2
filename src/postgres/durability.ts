import { sql } from 'kysely';
import type { Db } from './database.js';
import { ReadOnlyServerError } from './primary-client.js';

/** What to do about standbys that may lack what was confirmed: `ASYNC_REPLICATION`. */
type AsyncReplication = 'refuse' | 'allow';

interface Server {
  readonly isStandby: boolean;
  readonly off: readonly string[];
  /** The standbys whose word a commit waits for; empty: none. */
  readonly synchronousNames: string;
  readonly synchronousCommit: string;
  /** Those that replicate this server and apply what they get. */
  readonly standbys: number;
}

/**
 * Refuses a server that may forget what it has confirmed: acceptance is only worth something if commits are durable.
 *
 * With standbys, one of them will be the leader some day. So a commit has to wait for at least one of them: else what was
 * confirmed in the last moments of the old leader is gone. Copies for reading or for reports, which nobody promotes, are
 * no danger; whoever has only such says so with `allow`.
 *
 * @throws ReadOnlyServerError on a standby; Error naming the setting that is off.
 */
export async function assertDurable(db: Db, asyncReplication: AsyncReplication = 'refuse'): Promise<void> {
  const server = await readServer(db);
  if (server.isStandby) throw new ReadOnlyServerError();
  if (server.off.length > 0) {
    throw new Error(
      `PostgreSQL has ${server.off.join(' and ')} switched off: accepted e-mails could be lost. Switch it on.`,
    );
  }
  if (server.standbys === 0 || asyncReplication === 'allow') return;
  if (server.synchronousNames === '' || server.synchronousCommit === 'local') {
    const setting =
      server.synchronousNames === '' ? 'synchronous_standby_names is empty' : 'synchronous_commit is local';
    throw new Error(
      `PostgreSQL replicates asynchronously (${setting}): a failover could lose accepted e-mails. Make it synchronous, ` +
        'or set ASYNC_REPLICATION=allow if no standby of this server is ever promoted.',
    );
  }
}

async function readServer(db: Db): Promise<Server> {
  const { rows } = await sql<Server>`
    select pg_is_in_recovery() as "isStandby",
      (select coalesce(array_agg(name), '{}') from pg_settings
        where name in ('fsync', 'synchronous_commit', 'full_page_writes') and setting = 'off') as off,
      current_setting('synchronous_standby_names') as "synchronousNames",
      current_setting('synchronous_commit') as "synchronousCommit",
      ${STANDBYS} as standbys`.execute(db);
  return rows[0]!;
}

/**
 * A standby tells what it has applied; a backup and an archive of the log, which receive the same way, do not. Who may
 * not see that (it takes pg_read_all_stats) counts the permanent slots in use, which anybody may see: standbys of Patroni
 * and CloudNativePG have them.
 */
const STANDBYS = sql<number>`
  case when pg_has_role(current_user, 'pg_read_all_stats', 'usage')
    then (select count(*)::int from pg_stat_replication where replay_lsn is not null)
    else (select count(*)::int from pg_replication_slots where slot_type = 'physical' and active and not temporary)
  end`;
