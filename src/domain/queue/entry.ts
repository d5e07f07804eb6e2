import { sql } from 'kysely';
import { QUEUE_CHANNEL } from '../../postgres/channels.js';
import { compileOnce } from '../../postgres/statements/compile-once.js';
import { later, type Trx } from '../../postgres/transaction.js';
import type { Priority } from '../../priority.js';
import { type Taken, takenColumns } from '../emails/write-events.js';

/** An e-mail handed over is looked at again after this long, in case its workflow was lost. */
const CHECK_HANDED_OVER = sql<Date>`now() + interval '10 minutes'`;

/**
 * Notes in the queue that a provider has an e-mail. Whatever state it was in: a dispatcher that died after starting the
 * workflow leaves it `waiting`.
 */
export async function markHandedOver(trx: Trx, emailId: string): Promise<void> {
  await later(trx, handOver(trx, { emailId }));
}

const handOver = compileOnce((db, { emailId }: { emailId: string }) =>
  db
    .updateTable('email_queue')
    .set({ state: 'handed_over', check_at: CHECK_HANDED_OVER })
    .where('email_id', '=', emailId)
    .where('state', '!=', 'handed_over'),
);

/** Notes in the record and in the queue that a provider has an e-mail. */
export async function noteTakenBy(trx: Trx, emailId: string, taken: Taken): Promise<void> {
  await later(trx, trx.updateTable('emails').set(takenColumns(taken)).where('id', '=', emailId).execute());
  await markHandedOver(trx, emailId);
}

/** A generation has ended: its queue entry is removed, not that of another generation. */
export async function removeEntry(trx: Trx, emailId: string, generation: number): Promise<void> {
  await later(
    trx,
    trx.deleteFrom('email_queue').where('email_id', '=', emailId).where('generation', '=', generation).execute(),
  );
}

/** All that was awaited of an e-mail with a provider has been heard: its queue entry is removed. */
export async function removeHandedOverEntry(trx: Trx, emailId: string): Promise<void> {
  await later(trx, removeHandedOver(trx, { emailId }));
}

const removeHandedOver = compileOnce((db, { emailId }: { emailId: string }) =>
  db.deleteFrom('email_queue').where('email_id', '=', emailId).where('state', '=', 'handed_over'),
);

/** Has a generation wait in the queue as if it had just come due, whatever entry the e-mail had. */
export async function enqueueGeneration(
  trx: Trx,
  emailId: string,
  priority: Priority,
  generation: number,
): Promise<void> {
  const entry = {
    priority,
    generation,
    state: 'waiting' as const,
    due_at: sql<Date>`now()`,
    dispatched_at: null,
    check_at: null,
    hold_id: null,
  };
  await trx
    .insertInto('email_queue')
    .values({ email_id: emailId, ...entry })
    .onConflict((conflict) => conflict.column('email_id').doUpdateSet(entry))
    .execute();
  // Signals of the former generation are not for the workflow of this one.
  await trx.deleteFrom('pending_signals').where('email_id', '=', emailId).execute();
  await sql`select pg_notify(${QUEUE_CHANNEL}, ${priority})`.execute(trx);
}
