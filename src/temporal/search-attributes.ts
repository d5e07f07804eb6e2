import type { NativeConnection } from '@temporalio/worker';
import { SEARCH_ATTRIBUTES } from './names.js';

/** The index type KEYWORD of `temporal.api.enums.v1.IndexedValueType`. */
const KEYWORD = 2;

/**
 * Makes our search attributes known in a namespace: a workflow that names an unknown one could not be started. Those it
 * has stay.
 *
 * @returns the names of those that were missing.
 * @throws when the server does not let us, as Temporal Cloud does not: there they are created beforehand.
 */
export async function ensureSearchAttributes(
  connection: Pick<NativeConnection, 'operatorService'>,
  namespace: string,
): Promise<string[]> {
  const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace });
  const missing = SEARCH_ATTRIBUTES.filter((name) => customAttributes?.[name] === undefined);
  if (missing.length === 0) return missing;
  const searchAttributes = Object.fromEntries(missing.map((name) => [name, KEYWORD]));
  await connection.operatorService.addSearchAttributes({ namespace, searchAttributes });
  return missing;
}
