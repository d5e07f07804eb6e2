import { sql } from 'kysely';
import type { Db } from '../../postgres/database.js';
import type { SignalKind } from '../../postgres/schema.js';
import { compileOnce } from '../../postgres/statements/compile-once.js';
import { later, type Trx } from '../../postgres/transaction.js';

/** A signal that an e-mail's workflow is to get. */
export interface PendingSignal {
  readonly emailId: string;
  readonly kind: SignalKind;
  /** The record says more than the kind does, or may say so by now: the workflow is to read it before it ends. */
  readonly seeRecord?: boolean;
}

/** The signals of an e-mail that has come to a status. A click is signalled as an open, for example. */
export const signalsOf = (emailId: string, kinds: readonly SignalKind[], status: string): PendingSignal[] =>
  kinds.map((kind) => ({
    emailId,
    kind,
    ...((kind === 'delivered' || kind === 'opened') && kind !== status && { seeRecord: true }),
  }));

/** Takes signals that did not get through, and leaves each alone for ten seconds, so that dispatchers share the work. */
export async function takePendingSignals(db: Db, limit: number): Promise<PendingSignal[]> {
  const { rows } = await sql<PendingSignal>`
    with due as materialized (
      select email_id, kind from pending_signals where try_at < now()
      order by try_at limit ${limit} for update skip locked)
    update pending_signals p set try_at = now() + interval '10 seconds'
    from due where p.email_id = due.email_id and p.kind = due.kind
    returning p.email_id as "emailId", p.kind, true as "seeRecord"`.execute(db);
  return rows;
}

/** Removes the signals that were delivered. */
export async function removeSignals(db: Db, signals: readonly PendingSignal[]): Promise<void> {
  const ids = signals.map((signal) => signal.emailId);
  const kinds = signals.map((signal) => signal.kind);
  await sql`delete from pending_signals using unnest(${ids}::uuid[], ${kinds}::text[]) as delivered (email_id, kind)
    where pending_signals.email_id = delivered.email_id and pending_signals.kind = delivered.kind`.execute(db);
}

/** Puts a signal for an e-mail's workflow into the outbox; whoever delivers it deletes the row. */
export async function enqueueSignal(trx: Trx, emailId: string, kind: SignalKind): Promise<void> {
  // Five seconds' grace: the webhooks service signals at once, the dispatcher only what that did not get through.
  await later(trx, enqueue(trx, { emailId, kind }));
}

const enqueue = compileOnce((db, { emailId, kind }: { emailId: string; kind: SignalKind }) =>
  db
    .insertInto('pending_signals')
    .values({ email_id: emailId, kind, try_at: sql`now() + interval '5 seconds'` })
    .onConflict((conflict) => conflict.doNothing()),
);
