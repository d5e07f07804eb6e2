import type { NativeConnection } from '@temporalio/worker';
import type { Logger } from 'pino';

/** The index type KEYWORD of `temporal.api.enums.v1.IndexedValueType`. */
const KEYWORD = 2;
const OURS = ['EmailPriority', 'ClientId', 'EmailStatus'];

/**
 * Registers our search attributes where they are missing: a workflow that names an unknown one could not be started.
 * Temporal Cloud does not allow this call; there they are created beforehand, as the README says.
 */
export async function ensureSearchAttributes(
  connection: NativeConnection,
  namespace: string,
  logger: Logger,
): Promise<void> {
  try {
    const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace });
    const missing = OURS.filter((name) => !(name in (customAttributes ?? {})));
    if (missing.length === 0) return;
    const searchAttributes = Object.fromEntries(missing.map((name) => [name, KEYWORD]));
    await connection.operatorService.addSearchAttributes({ namespace, searchAttributes });
    logger.info({ missing }, 'search attributes registered');
  } catch (error) {
    logger.warn({ code: (error as { code?: number }).code }, 'search attributes could not be checked; see the README');
  }
}
