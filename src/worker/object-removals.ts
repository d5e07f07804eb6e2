import type { Logger } from 'pino';
import { removeObjects } from '../domain/personal-data/objects.js';
import type { Db } from '../postgres/database.js';
import { type Loop, repeat } from '../process/loop.js';
import type { ObjectStore } from '../storage/object-store.js';

/** Rarely is there anything: a look is a read of an empty index. */
const LOOK_MS = 10_000;

/** Removes from the object store what nothing refers to any more, such as attachments of who was forgotten. */
export function startObjectRemovals(dependencies: {
  readonly db: Db;
  readonly store: ObjectStore;
  readonly logger: Logger;
}): Loop {
  const { db, store, logger } = dependencies;
  const look = async (): Promise<number> => {
    const { removed, failed } = await removeObjects(db, store);
    if (removed > 0) logger.info({ removed }, 'objects removed from storage');
    if (failed > 0) logger.warn({ failed }, 'objects could not be removed from storage; will be repeated');
    return removed > 0 ? 0 : LOOK_MS;
  };
  return repeat('object removals', look, logger);
}
