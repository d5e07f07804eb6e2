import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { inject } from 'vitest';
import { freePort } from '../../src/dev/ports.js';
import { type RunningTemporal, SEARCH_ATTRIBUTES, startTemporalServer } from '../../src/dev/temporal-server.js';

/** `INDEXED_VALUE_TYPE_KEYWORD` of Temporal's API. */
const KEYWORD = 2;

/** Long enough for any test. */
const RETENTION_SECONDS = 24 * 60 * 60;

export interface TestNamespace {
  /** For processes under test: their `TEMPORAL_ADDRESS`. */
  readonly address: string;
  /** For processes under test: their `TEMPORAL_NAMESPACE`. */
  readonly namespace: string;
  readonly client: Client;
  /** Closes `client`. The namespace goes with the run's server. */
  drop(): Promise<void>;
}

/**
 * A Temporal namespace of the test's own, on the run's server (about 20 ms): task queues have fixed names, so test
 * files that run side by side must not share one. It knows our search attributes.
 *
 * @example
 * const temporal = await createTestNamespace();
 * afterAll(() => temporal.drop());
 */
export async function createTestNamespace(address = inject('temporalAddress')): Promise<TestNamespace> {
  const namespace = `test-${randomBytes(8).toString('hex')}`;
  const connection = await Connection.connect({ address });
  await connection.workflowService.registerNamespace({
    namespace,
    workflowExecutionRetentionPeriod: { seconds: RETENTION_SECONDS as never },
  });
  await connection.operatorService.addSearchAttributes({
    namespace,
    searchAttributes: Object.fromEntries(SEARCH_ATTRIBUTES.map((name) => [name, KEYWORD])),
  });
  const client = new Client({ connection, namespace });
  return { address, namespace, client, drop: () => connection.close() };
}

export interface TestTemporal {
  /** `host:port`; stays the same over `kill` and `start`. */
  readonly address: string;
  readonly pid: number;
  /** SIGKILL, as a crash would; resolves when it is gone. */
  kill(): Promise<void>;
  /** Starts it again on the same port and data. */
  start(): Promise<void>;
  /** Stops it and deletes its data. */
  drop(): Promise<void>;
}

/** A Temporal server of the test's own with a file database, for tests that stop or kill it. */
export async function startTestTemporal(): Promise<TestTemporal> {
  const folder = mkdtempSync(join(tmpdir(), 'tempost-temporal-'));
  const options = {
    cli: inject('temporalCli'),
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
      process.kill(server.pid, 'SIGKILL');
      await server.exited;
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
