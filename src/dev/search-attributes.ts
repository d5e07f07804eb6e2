import type { Connection } from '@temporalio/client';
import { SEARCH_ATTRIBUTES } from './temporal-server.js';

/** `INDEXED_VALUE_TYPE_KEYWORD` of Temporal's API. */
const KEYWORD = 2;

/**
 * Makes our search attributes known in a namespace of a Temporal server that is not ours; those it has stay.
 *
 * @throws Error saying what to do when the server does not let us.
 */
export async function ensureSearchAttributes(connection: Connection, namespace: string): Promise<void> {
  try {
    const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace });
    const missing = SEARCH_ATTRIBUTES.filter((name) => customAttributes?.[name] === undefined);
    if (missing.length === 0) return;
    const searchAttributes = Object.fromEntries(missing.map((name) => [name, KEYWORD]));
    await connection.operatorService.addSearchAttributes({ namespace, searchAttributes });
  } catch (error) {
    const create = `temporal operator search-attribute create --address ${connection.options.address}`;
    const commands = SEARCH_ATTRIBUTES.map(
      (name) => `  ${create} --namespace ${namespace} --name ${name} --type Keyword`,
    );
    throw new Error(
      `The Temporal namespace "${namespace}" could not be given our search attributes (${(error as Error).message}). ` +
        `Create them yourself:\n${commands.join('\n')}`,
    );
  }
}
