import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../../../src/dev/ports.js';
import { signal } from '../../../src/dev/processes/process.js';
import { type RunningTemporal, startTemporalServer } from '../../../src/dev/temporal/server.js';

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
  const onPort = (port: number) => ({
    cli,
    port,
    databaseFile: join(folder, 'temporal.db'),
    logFile: join(folder, 'temporal.log'),
  });
  let options = onPort(await freePort());
  let server: RunningTemporal | undefined;
  for (let tries = 1; !server; tries++) {
    try {
      server = await startTemporalServer(options);
    } catch (error) {
      // Besides the port we choose, the server takes some of its own: any of them may be gone by then.
      if (tries === 3) {
        rmSync(folder, { recursive: true, force: true });
        throw error;
      }
      options = onPort(await freePort());
    }
  }
  let running = server;
  return {
    address: running.address,
    get pid() {
      return running.pid;
    },
    async kill() {
      signal(running.pid, 'SIGKILL');
      await running.exited;
    },
    deleteDatabase() {
      const files = readdirSync(folder).filter((name) => name.startsWith('temporal.db'));
      for (const name of files) rmSync(join(folder, name));
    },
    async start() {
      running = await startTemporalServer(options);
    },
    async drop() {
      await running.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
