import type { NativeConnection } from '@temporalio/worker';
import type { Logger } from 'pino';
import { ensureSearchAttributes } from '../temporal/search-attributes.js';

/** Registers our search attributes where they are missing; where that is not allowed the README says how they are made. */
export async function registerSearchAttributes(
  connection: NativeConnection,
  namespace: string,
  logger: Logger,
): Promise<void> {
  try {
    const missing = await ensureSearchAttributes(connection, namespace);
    if (missing.length > 0) logger.info({ missing }, 'search attributes registered');
  } catch (error) {
    logger.warn({ code: (error as { code?: number }).code }, 'search attributes could not be checked; see the README');
  }
}
