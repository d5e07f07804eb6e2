import { randomBytes } from 'node:crypto';
import { Client, Connection } from '@temporalio/client';
import { inject } from 'vitest';
import { SEARCH_ATTRIBUTES } from '../../src/temporal/names.js';
import { startOwnTemporal } from './servers/temporal-server.js';

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

export type { TestTemporal } from './servers/temporal-server.js';

/** A Temporal server of the test's own with a file database, for tests that stop or kill it. */
export const startTestTemporal = () => startOwnTemporal(inject('temporalCli'));
