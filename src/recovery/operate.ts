import { type Config, loadConfig } from '../config.js';
import type { Doer } from '../domain/audit/record.js';
import { loadStatuses } from '../domain/emails/statuses.js';
import { countCandidates } from '../domain/recovery/candidates.js';
import { countItems, type Decision, decide, listItems, type RecoveryCounts } from '../domain/recovery/items.js';
import {
  beginRecovery,
  finishRecovery,
  latestRecovery,
  type Recovery,
  type Restored,
} from '../domain/recovery/recoveries.js';
import { type Db, openDatabase } from '../postgres/database.js';
import { faultOfDatabase } from '../postgres/migrate.js';
import type { Source, Verdict } from '../postgres/schema.js';
import { createLogger } from '../process/log.js';
import { createProviders } from '../providers/adapters.js';
import { createObjectStore } from '../storage/index.js';
import { connectTemporal, type TemporalLink } from '../temporal/connection.js';
import { type KnownRecovery, RefusedError } from './dependencies.js';
import { listLacking, type SeekOptions, type Sought, seekEvidence } from './seek.js';

/** Who has a shell on the machine has all rights there; which person it is, is not known. */
const BY_SHELL: Doer = { source: 'cli' };
const PAGE = 500;

/** How a recovery stands. */
export interface RecoveryState {
  readonly recovery: Recovery;
  readonly counts: RecoveryCounts;
  /** Not judged yet. */
  readonly pending: number;
}

/** The orders of `tempost recover`, on the record that the environment names. */
export interface Operator {
  begin(restored: Restored): Promise<RecoveryState>;
  /** Of a recovery that is finished, it only lists what the record lacks. */
  seek(options: SeekOptions): Promise<Sought>;
  /** @returns undefined when there has been no recovery. */
  state(): Promise<RecoveryState | undefined>;
  list(options: { verdict: Verdict; undecided: boolean; after?: string; limit: number }): ReturnType<typeof listItems>;
  /** @returns how many were decided about. */
  decide(which: string | 'all', decision: Decision): Promise<number>;
  finish(): Promise<Finished>;
}

/** Sending is open again. */
export interface Finished {
  readonly held: number;
  /** Who may have more of what the record lacks, and from when on no more: then it is worth asking once more. */
  readonly lagging: readonly { readonly source: Source; readonly until: string }[];
}

/**
 * Does something as an operator of the record.
 *
 * @throws ConfigError; RefusedError when an order cannot be carried out.
 */
export async function asOperator<T>(
  env: Readonly<Record<string, string | undefined>>,
  work: (operator: Operator) => Promise<T>,
): Promise<T> {
  const config = loadConfig(env);
  const { url } = config.database;
  const db = openDatabase({ url, poolSize: 4, name: 'recover', logger: { warn: () => {} } });
  try {
    if (await faultOfDatabase(db)) throw new RefusedError('The database is not migrated: npm run migrate comes first.');
    return await work(operatorOf(config, db));
  } finally {
    await db.destroy();
  }
}

function operatorOf(config: Config, db: Db): Operator {
  const stateOf = async (recovery: Recovery): Promise<RecoveryState> => ({
    recovery,
    counts: await countItems(db, recovery.id),
    pending: recovery.finishedAt ? 0 : await countCandidates(db, recovery),
  });
  const latest = async () => {
    const recovery = await latestRecovery(db);
    if (!recovery) throw new RefusedError('There has been no recovery.');
    return recovery;
  };
  return {
    begin: async (restored) => stateOf((await beginRecovery(db, BY_SHELL, restored)).recovery),
    seek: (options) => seek(config, db, options),
    async state() {
      const recovery = await latestRecovery(db);
      return recovery && stateOf(recovery);
    },
    list: async (options) => listItems(db, (await latest()).id, options),
    async decide(which, decision) {
      const catalogue = await loadStatuses(db);
      const one = (emailId: string) => decide(db, BY_SHELL, emailId, decision, catalogue);
      if (which !== 'all') return (await one(which)) ? 1 : 0;
      const { id } = await latest();
      let decided = 0;
      for (;;) {
        const items = await listItems(db, id, { verdict: 'unknown', undecided: true, limit: PAGE });
        if (items.length === 0) return decided;
        for (const { emailId } of items) if (await one(emailId)) decided++;
      }
    },
    async finish() {
      const finished = await finishRecovery(db, BY_SHELL);
      if (finished === 'no_recovery') throw new RefusedError('No recovery goes on.');
      if (finished === 'not_sought') {
        throw new RefusedError('Evidence was not sought for all yet: `tempost recover run` comes first.');
      }
      return { ...finished, lagging: laggingOf(await latest()) };
    },
  };
}

function laggingOf({ sources }: Recovery): Finished['lagging'] {
  return (sources ?? []).flatMap(({ source, limits }) =>
    limits.flatMap(({ code, detail }) => (code === 'may_lag' && detail ? [{ source, until: detail }] : [])),
  );
}

async function seek(config: Config, db: Db, options: SeekOptions): Promise<Sought> {
  const recovery = await latestRecovery(db);
  if (!recovery) throw new RefusedError('There has been no recovery: `tempost recover begin` comes first.');
  if (!recovery.restoredTo || !recovery.temporal) {
    throw new RefusedError(
      'This recovery began by itself. Say what was restored: `tempost recover begin --restored-to TIME --temporal STATE`.',
    );
  }
  const link = recovery.temporal === 'lost' ? null : await reach(config);
  try {
    const dependencies = {
      ...{ db, config, catalogue: await loadStatuses(db), store: await createObjectStore(config) },
      ...{ providers: await createProviders(config), temporal: link?.client ?? null },
    };
    const asking = recovery.finishedAt ? listLacking : seekEvidence;
    return await asking(dependencies, recovery as KnownRecovery, options);
  } finally {
    await link?.close();
  }
}

async function reach(config: Config): Promise<TemporalLink> {
  try {
    return await connectTemporal({ temporal: config.temporal }, createLogger('recover', 'silent'));
  } catch {
    throw new RefusedError('Temporal does not answer. If its data are gone, begin again with --temporal lost.');
  }
}
