import type { Db } from './database.js';
import { assertDurable } from './durability.js';
import { assertMigrated } from './migrate.js';

interface Fit {
  /** See `assertDurable`. */
  readonly asyncReplication: Parameters<typeof assertDurable>[1];
}

/**
 * For the start of a process: refuses a database that may forget, or whose schema is too old or too new for this
 * release. One that a newer release has migrated and this one can work with is said: it is what a roll-back finds.
 *
 * @throws what says in a sentence what to do; anything else when the database does not answer.
 */
export async function assertFit(
  db: Db,
  { asyncReplication }: Fit,
  logger: { info(about: object, message: string): void },
): Promise<void> {
  await assertDurable(db, asyncReplication);
  const newer = await assertMigrated(db);
  if (newer.length > 0)
    logger.info({ migrations: newer }, 'a newer release has migrated the database; this one works with it');
}
