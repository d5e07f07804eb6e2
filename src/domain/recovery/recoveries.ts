import { sql } from 'kysely';
import { announce } from '../../postgres/channels.js';
import type { Db } from '../../postgres/database.js';
import type { AskedSource } from '../../postgres/schema.js';
import { type Trx, transact } from '../../postgres/transaction.js';
import { type Doer, recordAct } from '../audit/record.js';
import { countCandidates } from './candidates.js';

/** What the operator says of Temporal's data: whole; restored too, or not known; gone. */
export const TEMPORAL_STATES = ['intact', 'doubtful', 'lost'] as const;
export type TemporalState = (typeof TEMPORAL_STATES)[number];

export interface Recovery {
  readonly id: string;
  readonly begunAt: Date;
  readonly begunBy: 'operator' | 'safeguard';
  readonly restoredTo: Date | null;
  readonly temporal: TemporalState | null;
  readonly soughtAt: Date | null;
  readonly finishedAt: Date | null;
  /** Who was asked for what the record lacks, and how far each could tell; null while nobody was. */
  readonly sources: readonly AskedSource[] | null;
}

/** What an operator knows of the restore. */
export interface Restored {
  readonly to: Date;
  readonly temporal: TemporalState;
}

/** Any number will do, as long as it is always the same. */
const LOCK = sql`select pg_advisory_xact_lock(hashtext('tempost.recovery'))`;

const columns = [
  'id',
  'begun_at as begunAt',
  'begun_by as begunBy',
  'restored_to as restoredTo',
  'temporal',
  'sought_at as soughtAt',
  'finished_at as finishedAt',
  'sources',
] as const;

/** The recovery that goes on. */
export async function openRecovery(db: Db): Promise<Recovery | undefined> {
  return db.selectFrom('recoveries').select(columns).where('finished_at', 'is', null).executeTakeFirst();
}

/** The latest one, whether or not it goes on. */
export async function latestRecovery(db: Db): Promise<Recovery | undefined> {
  return db.selectFrom('recoveries').select(columns).orderBy('begun_at', 'desc').limit(1).executeTakeFirst();
}

/**
 * Begins a recovery: from its commit on a hold concerns every e-mail, so nothing is claimed and no call permitted.
 * Where one goes on already, only what is said of the restore is taken into it; then evidence is to be sought anew.
 *
 * @param restored null: the safeguard has seen that the record is older than Temporal, and knows no more.
 */
export async function beginRecovery(
  db: Db,
  doer: Doer,
  restored: Restored | null,
): Promise<{ readonly recovery: Recovery; readonly isNew: boolean }> {
  return transact(db, async (trx) => {
    await LOCK.execute(trx);
    const open = await openRecovery(trx);
    if (open && !restored) return { recovery: open, isNew: false };
    const said = restored && { restored_to: restored.to, temporal: restored.temporal };
    if (open) {
      await trx
        .updateTable('recoveries')
        .set({ ...said, sought_at: null, sources: null })
        .where('id', '=', open.id)
        .execute();
      await trx.deleteFrom('recovery_items').where('recovery_id', '=', open.id).where(isOpenToJudgement).execute();
    } else await insertRecovery(trx, restored);
    const recovery = (await openRecovery(trx))!;
    const holdId = await holdOf(trx, recovery.id, false);
    const after = { restored_to: recovery.restoredTo?.toISOString() ?? null, temporal: recovery.temporal };
    await recordAct(trx, doer, { action: 'recovery.begin', target: { kind: 'hold', id: holdId }, after });
    return { recovery, isNew: !open };
  });
}

/** What was adopted stays adopted, and what an operator has decided stays decided. */
const isOpenToJudgement = sql<boolean>`verdict <> 'sent' and decision is null`;

async function insertRecovery(trx: Trx, restored: Restored | null): Promise<void> {
  const { id } = await trx
    .insertInto('recoveries')
    .values({
      begun_by: restored ? 'operator' : 'safeguard',
      restored_to: restored?.to ?? null,
      temporal: restored?.temporal ?? null,
      sought_at: null,
      finished_at: null,
    })
    .returning('id')
    .executeTakeFirstOrThrow();
  const reason = restored
    ? 'the record was restored: evidence of what was sent is being sought'
    : 'the record is older than Temporal: was it restored? See tempost recover';
  await insertHold(trx, id, false, reason);
}

async function insertHold(trx: Trx, recoveryId: string, listed: boolean, reason: string): Promise<string> {
  const terms = { client_id: null, sender_domain: null, receiver_domain: null, tag: null, priority: null };
  const { id } = await trx
    .insertInto('holds')
    .values({ ...terms, recovery_id: recoveryId, listed, reason })
    .returning('id')
    .executeTakeFirstOrThrow();
  return id;
}

async function holdOf(trx: Trx, recoveryId: string, listed: boolean): Promise<string> {
  const { id } = await trx
    .selectFrom('holds')
    .select('id')
    .where('recovery_id', '=', recoveryId)
    .where('listed', '=', listed)
    .executeTakeFirstOrThrow();
  return id;
}

/** Notes that evidence has been sought for all, and where, unless something else has been said of the restore meanwhile. */
export async function noteSought(
  db: Db,
  { id, restoredTo, temporal }: Pick<Recovery, 'id' | 'restoredTo' | 'temporal'>,
  sources: readonly AskedSource[],
): Promise<void> {
  await db
    .updateTable('recoveries')
    .set({ sought_at: sql<Date>`clock_timestamp()`, sources: JSON.stringify(sources) })
    .where('id', '=', id)
    .where('temporal', '=', temporal)
    .where(sql<boolean>`date_trunc('milliseconds', restored_to) = ${restoredTo}`)
    .where('finished_at', 'is', null)
    .execute();
}

/** Notes anew who knows what the record lacks, of a recovery that is finished. */
export async function noteSources(
  db: Db,
  { id }: Pick<Recovery, 'id'>,
  sources: readonly AskedSource[],
): Promise<void> {
  await db
    .updateTable('recoveries')
    .set({ sources: JSON.stringify(sources) })
    .where('id', '=', id)
    .execute();
}

/** Why a recovery cannot be finished. */
export type Unfinished = 'no_recovery' | 'not_sought';

/**
 * Opens sending again. What is unknown, and not decided about, passes to a hold that concerns the listed alone, in the
 * same transaction; the dispatcher puts back all else within seconds.
 *
 * @returns how many are still held; or why it cannot be.
 */
export async function finishRecovery(db: Db, doer: Doer): Promise<{ readonly held: number } | Unfinished> {
  return transact(db, async (trx) => {
    await LOCK.execute(trx);
    const open = await openRecovery(trx);
    if (!open) return 'no_recovery';
    // News of the time before may have put an e-mail back since.
    if (!open.soughtAt || (await countCandidates(trx, open)) > 0) return 'not_sought';
    const held = await countUndecided(trx, open.id);
    if (held > 0)
      await insertHold(trx, open.id, true, 'restored: nobody knows whether it was sent; tempost recover list');
    const holdId = await holdOf(trx, open.id, false);
    await trx
      .updateTable('holds')
      .set({ released_at: sql<Date>`clock_timestamp()` })
      .where('id', '=', holdId)
      .execute();
    await trx
      .updateTable('recoveries')
      .set({ finished_at: sql<Date>`clock_timestamp()` })
      .where('id', '=', open.id)
      .execute();
    await recordAct(trx, doer, { action: 'recovery.finish', target: { kind: 'hold', id: holdId }, after: { held } });
    await announce(trx);
    return { held };
  });
}

async function countUndecided(db: Db, recoveryId: string): Promise<number> {
  const { count } = await db
    .selectFrom('recovery_items')
    .select(sql<number>`count(*)::int`.as('count'))
    .where('recovery_id', '=', recoveryId)
    .where('verdict', '=', 'unknown')
    .where('decision', 'is', null)
    .executeTakeFirstOrThrow();
  return count;
}
