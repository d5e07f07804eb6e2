import type { Db } from '../../postgres/database.js';
import type { JsonObject } from '../../postgres/schema/json.js';
import { type Trx, transact } from '../../postgres/transaction.js';
import { readStates } from './states.js';
import { idOf, type Target } from './targets.js';

/** Who does something, and through which interface. */
export interface Doer {
  readonly source: 'api' | 'cli' | 'console' | 'temporal';
  readonly clientId?: string;
  readonly clientName?: string;
  readonly keyId?: string;
  readonly keyName?: string | null;
  /** Of an operator's key; null: a client's. */
  readonly role?: string | null;
  /** The IP address. */
  readonly address?: string;
  readonly requestId?: string;
}

/** What is done, as `queue.pause`: the kind of its target, and a verb. */
export interface Act<T> {
  readonly action: string;
  readonly reason?: string | null;
  /** The targets: before the act those that are known, after it, from its result, all. */
  targets(result?: T): readonly Target[];
  /** Whether anything was done at all. Left out: it was. */
  isDone?(result: T): boolean;
}

/**
 * Does something to one or more targets, and writes down who did it, in the same transaction: a row for each target, with
 * how it stood before and stands after. What throws leaves no row, as it leaves no change.
 */
export async function audited<T>(db: Db, doer: Doer, act: Act<T>, work: (trx: Trx) => Promise<T>): Promise<T> {
  return transact(db, async (trx) => {
    const before = await readStates(trx, act.targets());
    const result = await work(trx);
    if (act.isDone?.(result) === false) return result;
    const targets = act.targets(result);
    const after = await readStates(trx, targets);
    const { action, reason } = act;
    for (const target of targets) {
      const id = idOf(target);
      await recordAct(trx, doer, { action, target, before: before.get(id), after: after.get(id), reason });
    }
    return result;
  });
}

/** What has been done to one target. */
interface DoneAct {
  readonly action: string;
  readonly target: Target;
  readonly at?: Date | null;
  readonly before?: JsonObject | null;
  readonly after?: JsonObject | null;
  readonly reason?: string | null;
  /** Identifies an act that may be noticed more than once. */
  readonly eventKey?: string;
}

/** Writes down what somebody has done. @returns false if an act of this `eventKey` was written before. */
export async function recordAct(db: Db, doer: Doer, act: DoneAct): Promise<boolean> {
  const { action, target, before, after } = act;
  const row = await db
    .insertInto('audit_log')
    .values({
      ...(act.at && { at: act.at }),
      source: doer.source,
      client_id: doer.clientId ?? null,
      client_name: doer.clientName ?? null,
      key_id: doer.keyId ?? null,
      key_name: doer.keyName ?? null,
      role: doer.role ?? null,
      address: doer.address ?? null,
      request_id: doer.requestId ?? null,
      action,
      target_kind: target.kind,
      target_id: idOf(target),
      before: before ?? null,
      after: after ?? null,
      reason: act.reason ?? null,
      event_key: act.eventKey ?? null,
    })
    .onConflict((conflict) => conflict.column('event_key').doNothing())
    .returning('id')
    .executeTakeFirst();
  return row !== undefined;
}

/** Temporal's own interfaces: who used them is not known there. */
export const IN_TEMPORAL: Doer = { source: 'temporal' };
