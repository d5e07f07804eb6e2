import { createTestDatabase, type TestDatabase } from './database.js';
import { Stack, type StackOptions } from './stack.js';
import { createTestNamespace, type TestNamespace } from './temporal.js';

/** The whole system as processes, with a database and a Temporal namespace of its own on the run's servers. */
export interface TestSystem {
  readonly database: TestDatabase;
  readonly temporal: TestNamespace;
  readonly stack: Stack;
  drop(): Promise<void>;
}

/**
 * Starts the system for one test file.
 *
 * @example
 * let system: TestSystem;
 * beforeAll(async () => {
 *   system = await startTestSystem();
 * });
 * afterAll(() => system?.drop());
 */
export async function startTestSystem(
  options: Pick<StackOptions, 'env' | 'envOf' | 'inbox' | 'without'> = {},
): Promise<TestSystem> {
  const [database, temporal] = await Promise.all([createTestDatabase(), createTestNamespace()]);
  const dropServers = async () => {
    await temporal.drop();
    await database.drop();
  };
  try {
    const { address, namespace } = temporal;
    const stack = await Stack.start({ databaseUrl: database.url, temporalAddress: address, namespace, ...options });
    const drop = async () => {
      await stack.stop();
      await dropServers();
    };
    return { database, temporal, stack, drop };
  } catch (error) {
    await dropServers();
    throw error;
  }
}
