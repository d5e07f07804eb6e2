import { appendFileSync, chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { serverUser, usableBinaries } from '../../../src/dev/postgres/binaries.js';
import { removePostgresHome, startPostgres } from '../../../src/dev/postgres/server.js';
import { endProcess, exitOf, POSTGRES_STOP, startDetached } from '../../../src/dev/processes/process.js';
import { type RunningTemporal, startTemporalServer } from '../../../src/dev/temporal/server.js';
import { freePort } from '../../../test/support/ports.js';
import { until } from '../../../test/support/until.js';
import type { Host } from './host.js';

/** A server on a machine of its own. */
export interface Placed {
  readonly pid: number;
  /** What clients are told: a connection string, or `host:port`. */
  readonly at: string;
  end(): Promise<void>;
}

/** PostgreSQL with an empty database: made here, then started there. */
export async function placePostgres(host: Host): Promise<Placed> {
  const folder = mkdtempSync(join(tmpdir(), 'tempost-networks-'));
  chmodSync(folder, 0o755);
  const options = { home: join(folder, 'postgres'), port: await freePort() };
  const remove = () => {
    removePostgresHome(options.home);
    rmSync(folder, { recursive: true, force: true });
  };
  const made = await startPostgres(options);
  await made.stop();
  const data = join(made.home, 'data');
  appendFileSync(join(data, 'pg_hba.conf'), 'host all all samenet scram-sha-256\n');
  const user = serverUser(data);
  const as = user ? ['setpriv', `--reuid=${user.uid}`, `--regid=${user.gid}`, '--clear-groups'] : [];
  const postgres = join(usableBinaries(made.home, user), 'bin', 'postgres');
  const settings = ['-p', String(options.port), '-c', 'listen_addresses=*', '-c', 'unix_socket_directories='];
  const [command, ...args] = [...host.before, ...as, postgres, '-D', data, ...settings];
  const child = await startDetached({
    ...{ command: command!, args, cwd: data, stdout: 'ignore', stderr: 'ignore' },
    env: { PATH: process.env.PATH, LC_ALL: 'C', TZ: 'UTC' },
  });
  const exited = exitOf(child);
  const at = made.url.replace('127.0.0.1', host.address);
  await until('PostgreSQL answers on its machine', () => answers(at), 30_000);
  return {
    ...{ pid: child.pid, at },
    async end() {
      await endProcess(child.pid, exited, POSTGRES_STOP);
      remove();
    },
  };
}

async function answers(url: string): Promise<boolean> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 1_000 });
  client.on('error', () => {});
  return client.connect().then(
    () => client.end().then(() => true),
    () => false,
  );
}

/** Temporal's dev server with a file database. */
export async function placeTemporal(host: Host, cli: string): Promise<Placed> {
  const folder = mkdtempSync(join(tmpdir(), 'tempost-networks-'));
  const wrapper = join(folder, 'temporal');
  writeFileSync(wrapper, `#!/bin/sh\nexec ${host.before.join(' ')} '${cli}' "$@"\n`, { mode: 0o755 });
  const server: RunningTemporal = await startTemporalServer({
    ...{ cli: wrapper, host: host.address, port: await freePort() },
    ...{ databaseFile: join(folder, 'temporal.db'), logFile: join(folder, 'temporal.log') },
  });
  return {
    ...{ pid: server.pid, at: server.address },
    async end() {
      await server.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
