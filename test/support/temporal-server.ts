import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../../src/dev/ports.js';
import { signal } from '../../src/dev/process.js';
import { type RunningTemporal, startTemporalServer } from '../../src/dev/temporal-server.js';

export interface TestTemporal {
  /** `host:port`; stays the same over `kill` and `start`. */
  readonly address: string;
  readonly pid: number;
  /** SIGKILL, as a crash would; resolves when it is gone. */
  kill(): Promise<void>;
  /** Deletes everything it knows; only while it is down. */
  deleteDatabase(): void;
  /** Starts it again on the same port and data. */
  start(): Promise<void>;
  /** Stops it and deletes its data. */
  drop(): Promise<void>;
}

/** A Temporal server with a file database, for what stops or kills it. */
export async function startOwnTemporal(cli: string): Promise<TestTemporal> {
  const folder = mkdtempSync(join(tmpdir(), 'tempost-temporal-'));
  const options = {
    cli,
    port: await freePort(),
    databaseFile: join(folder, 'temporal.db'),
    logFile: join(folder, 'temporal.log'),
  };
  let server: RunningTemporal = await startTemporalServer(options);
  return {
    address: server.address,
    get pid() {
      return server.pid;
    },
    async kill() {
      signal(server.pid, 'SIGKILL');
      await server.exited;
    },
    deleteDatabase() {
      const files = readdirSync(folder).filter((name) => name.startsWith('temporal.db'));
      for (const name of files) rmSync(join(folder, name));
    },
    async start() {
      server = await startTemporalServer(options);
    },
    async drop() {
      await server.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
