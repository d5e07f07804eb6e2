import type { Client } from '@temporalio/client';
import type { Config, ProviderName } from '../config.js';
import type { StatusCatalogue } from '../domain/emails/statuses.js';
import type { Recovery } from '../domain/recovery/recoveries.js';
import type { Db } from '../postgres/database.js';
import type { Provider } from '../providers/registry.js';
import type { ObjectStore } from '../storage/object-store.js';

/** What seeking evidence needs: everything that may have some. */
export interface SeekDependencies {
  readonly db: Db;
  readonly catalogue: StatusCatalogue;
  readonly config: Pick<Config, 'messageIdDomain' | 'temporal'>;
  readonly providers: ReadonlyMap<ProviderName, Provider>;
  readonly store: Pick<ObjectStore, 'list'>;
  /** Null: Temporal's data are lost. */
  readonly temporal: Client | null;
}

/** A recovery of which the operator has said what is needed. */
export type KnownRecovery = Recovery & {
  readonly restoredTo: Date;
  readonly temporal: NonNullable<Recovery['temporal']>;
};

/** The operator's order cannot be carried out as it is; the message says why. */
export class RefusedError extends Error {
  override readonly name = 'RefusedError';
}
