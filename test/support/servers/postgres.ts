import { execFile } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { removePostgresHome, startPostgres } from '../../../src/dev/postgres/server.js';
import { signal } from '../../../src/dev/processes/process.js';
import { freePort } from '../ports.js';

export interface TestPostgres {
  /** Stays the same over `kill` and `start`. */
  readonly url: string;
  readonly pid: number;
  /** SIGKILL, as a crash would; resolves when it is gone. */
  kill(): Promise<void>;
  /** Ends it in order, as an operator does. */
  stop(): Promise<void>;
  /** Starts it again on the same port and data. */
  start(): Promise<void>;
  /** Stops it and deletes its data. */
  drop(): Promise<void>;
}

const MIGRATE = fileURLToPath(new URL('../../../dist/src/postgres/migrate-main.js', import.meta.url));

/** Brings a database to the newest schema, as `npm run migrate` does. @param migrate that of another release. */
export async function migrateAt(databaseUrl: string, migrate = MIGRATE): Promise<void> {
  await promisify(execFile)(process.execPath, [migrate], { env: { ...process.env, DATABASE_URL: databaseUrl } });
}

/**
 * A PostgreSQL server of the test's own, migrated, for tests that stop or kill it.
 *
 * @param parent where its folder is made.
 * @param migrate what migrates it: that of another release.
 */
export async function startTestPostgres(parent = tmpdir(), migrate?: string): Promise<TestPostgres> {
  const folder = mkdtempSync(join(parent, 'tempost-postgres-'));
  chmodSync(folder, 0o755);
  const options = { home: join(folder, 'postgres'), port: await freePort() };
  const remove = () => {
    removePostgresHome(options.home);
    rmSync(folder, { recursive: true, force: true });
  };
  let server = await startPostgres(options).catch((error) => {
    remove();
    throw error;
  });
  try {
    await migrateAt(server.url, migrate);
  } catch (error) {
    await server.stop();
    remove();
    throw error;
  }
  return {
    url: server.url,
    get pid() {
      return server.pid;
    },
    async kill() {
      signal(server.pid, 'SIGKILL');
      await server.exited;
    },
    stop: () => server.stop(),
    async start() {
      server = await startPostgres(options);
    },
    async drop() {
      await server.stop();
      remove();
    },
  };
}
