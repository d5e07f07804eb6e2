import { execFile } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { type RunningPostgres, removePostgresHome, startPostgres } from '../../src/dev/postgres/server.js';
import { freePort } from './ports.js';

/** A leader and a standby of it, each a PostgreSQL of the test's own. */
export interface Replicated {
  readonly leader: RunningPostgres;
  readonly standby: RunningPostgres;
  /** Stops both and deletes their data. */
  drop(): Promise<void>;
}

const SLOT = 'standby_1';

/**
 * Starts a leader, copies it while it runs, and starts the copy as its standby, as `pg_basebackup` would do, which the
 * embedded PostgreSQL lacks. Replication is asynchronous until `synchronous_standby_names` is set.
 */
export async function startReplicated(parent = tmpdir()): Promise<Replicated> {
  const folder = mkdtempSync(join(parent, 'tempost-replicated-'));
  chmodSync(folder, 0o755);
  const home = (name: string) => join(folder, name);
  const leader = await startPostgres({ home: home('leader'), port: await freePort() });
  await copyRunning(leader, home('standby'));
  const { password } = new URL(leader.url);
  const port = await freePort();
  const from = `host=127.0.0.1 port=${new URL(leader.url).port} user=tempost password=${password}`;
  const standby = await startPostgres({
    home: home('standby'),
    port,
    settings: {
      primary_conninfo: `${from} application_name=${SLOT}`,
      primary_slot_name: SLOT,
      wal_receiver_timeout: '5s',
    },
  });
  return {
    leader,
    standby,
    async drop() {
      await Promise.all([leader.stop(), standby.stop()]);
      for (const name of ['leader', 'standby']) removePostgresHome(home(name));
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** A base backup by hand, by the low-level API of the chapter on continuous archiving. */
async function copyRunning(leader: RunningPostgres, home: string): Promise<void> {
  const client = new pg.Client({ connectionString: leader.url });
  await client.connect();
  try {
    await client.query('select pg_create_physical_replication_slot($1, true)', [SLOT]);
    await client.query(`select pg_backup_start('standby', true)`);
    mkdirSync(home, { mode: 0o755 });
    await promisify(execFile)('cp', ['-a', join(leader.home, 'data'), home]);
    const { rows } = await client.query<{ labelfile: string }>('select labelfile from pg_backup_stop(false)');
    const data = join(home, 'data');
    rmSync(join(data, 'postmaster.pid'), { force: true });
    const { uid, gid } = statSync(data);
    for (const [name, text] of [
      ['backup_label', rows[0]!.labelfile],
      ['standby.signal', ''],
    ] as const) {
      writeFileSync(join(data, name), text, { mode: 0o600 });
      chownSync(join(data, name), uid, gid);
    }
    // What `startPostgres` looks for, so that it makes no new data.
    for (const name of ['password', 'initialised']) cpSync(join(leader.home, name), join(home, name));
    chownSync(join(home, 'password'), uid, gid);
  } finally {
    await client.end();
  }
}

/** All processes of a server: a freeze has to take all of them. */
export function processesOf(server: RunningPostgres): number[] {
  const children = readFileSync(`/proc/${server.pid}/task/${server.pid}/children`, 'utf8')
    .trim()
    .split(' ')
    .map(Number);
  return [server.pid, ...children.filter((pid) => pid > 0)];
}
