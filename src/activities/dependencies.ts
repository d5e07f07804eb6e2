import type { Logger } from 'pino';
import type { Config, ProviderName } from '../config.js';
import type { StatusCatalogue } from '../domain/emails/statuses.js';
import type { Db } from '../postgres/database.js';
import type { Priority } from '../priority.js';
import type { Provider } from '../providers/registry.js';
import type { ObjectStore } from '../storage/object-store.js';

/** What activities are built over; a worker makes it once. */
export interface ActivityDependencies {
  readonly config: Config;
  /** The fleet's: a worker serves one. */
  readonly priority: Priority;
  readonly db: Db;
  readonly catalogue: StatusCatalogue;
  readonly providers: ReadonlyMap<ProviderName, Provider>;
  readonly store: ObjectStore;
  readonly logger: Logger;
}
