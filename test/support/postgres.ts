import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { removePostgresHome, startPostgres } from '../../src/dev/postgres.js';
import { freePort } from './ports.js';

export interface TestPostgres {
  /** Stays the same over `kill` and `start`. */
  readonly url: string;
  /** SIGKILL, as a crash would; resolves when it is gone. */
  kill(): Promise<void>;
  /** Starts it again on the same port and data. */
  start(): Promise<void>;
  /** Stops it and deletes its data. */
  drop(): Promise<void>;
}

/** A PostgreSQL server of the test's own, migrated, for tests that stop or kill it. */
export async function startTestPostgres(): Promise<TestPostgres> {
  const folder = mkdtempSync(join(tmpdir(), 'tempost-postgres-'));
  const options = { home: join(folder, 'postgres'), port: await freePort() };
  let server = await startPostgres(options);
  const migrate = fileURLToPath(new URL('../../dist/src/db/migrate-main.js', import.meta.url));
  await promisify(execFile)(process.execPath, [migrate], { env: { ...process.env, DATABASE_URL: server.url } });
  return {
    url: server.url,
    async kill() {
      process.kill(server.pid, 'SIGKILL');
      await server.exited;
    },
    async start() {
      server = await startPostgres(options);
    },
    async drop() {
      await server.stop();
      removePostgresHome(options.home);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
