import type { Connection } from '@temporalio/client';
import { SEARCH_ATTRIBUTES } from '../temporal/names.js';
import { ensureSearchAttributes } from '../temporal/search-attributes.js';

/** The same for a Temporal server that is not ours. @throws Error saying what to do when the server does not let us. */
export async function requireSearchAttributes(connection: Connection, namespace: string): Promise<void> {
  try {
    await ensureSearchAttributes(connection, namespace);
  } catch (error) {
    const commands = SEARCH_ATTRIBUTES.map(
      (name) => `  temporal operator search-attribute create --namespace ${namespace} --name ${name} --type Keyword`,
    );
    throw new Error(
      `The Temporal namespace "${namespace}" could not be given our search attributes (${(error as Error).message}). ` +
        `Create them yourself:\n${commands.join('\n')}`,
    );
  }
}
