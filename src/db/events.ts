import { type Kysely, sql, type Transaction, type UpdateObject } from 'kysely';
import type { Priority } from '../priority.js';
import { type NewEvent, toRow } from './event-rows.js';
import { tellSender } from './notices.js';
import { projectStatus } from './projection.js';
import type { Database, SignalKind } from './schema.js';
import type { StatusCatalogue } from './statuses.js';

export { eventKey, generationEvent, type NewEvent, toRow } from './event-rows.js';

type Trx = Transaction<Database>;

/** The row of an e-mail that every writer of events locks first, so that its status is projected by one at a time. */
export interface LockedEmail {
  readonly id: string;
  readonly client_id: string;
  readonly priority: Priority;
  readonly status: string;
  readonly generation: number;
}

/** Locks an e-mail for the rest of the transaction. @returns undefined when there is none of that id. */
export async function lockEmail(trx: Trx, emailId: string): Promise<LockedEmail | undefined> {
  return trx
    .selectFrom('emails')
    .select(['id', 'client_id', 'priority', 'status', 'generation'])
    .where('id', '=', emailId)
    .forUpdate()
    .executeTakeFirst();
}

export interface RecordedEvents {
  /** The events that were new; repeated ones are left out. */
  readonly added: readonly NewEvent[];
  readonly before: string;
  readonly status: string;
}

/**
 * Appends events to a locked e-mail and projects its status from all of them. Repeated events change nothing.
 *
 * @param email as `lockEmail` gave it in this transaction.
 * @param changes other columns of the e-mail to write along with its status, in the same statement.
 */
export async function recordEvents(
  trx: Trx,
  email: LockedEmail,
  events: readonly NewEvent[],
  catalogue: StatusCatalogue,
  changes?: UpdateObject<Database, 'emails'>,
): Promise<RecordedEvents> {
  // One statement adds the new events and reads the old ones; a statement does not see its own additions.
  const known = trx.selectFrom('email_events').where('email_id', '=', email.id);
  const rows = await trx
    .with('added', (cte) =>
      cte
        .insertInto('email_events')
        .values(events.map((event) => toRow(email.id, event)))
        .onConflict((conflict) => conflict.columns(['email_id', 'event_key']).doNothing())
        .returning(['event_key', 'type', 'generation', 'attempt']),
    )
    .selectFrom('added')
    .select(['event_key', 'type', 'generation', 'attempt', sql<boolean>`true`.as('is_new')])
    .unionAll(known.select(['event_key', 'type', 'generation', 'attempt', sql<boolean>`false`.as('is_new')]))
    .execute();
  const addedKeys = new Set(rows.filter((row) => row.is_new).map((row) => row.event_key));
  const status = projectStatus(rows, catalogue) ?? email.status;
  if (status !== email.status || changes) {
    await trx
      .updateTable('emails')
      .set({ ...changes, status })
      .where('id', '=', email.id)
      .execute();
  }
  if (email.status === 'dead' && status !== 'dead') await closeDeadLetter(trx, email.id);
  // Here, where every status comes from: whoever records a failure, its sender is told.
  if (status !== email.status) await tellSender(trx, email, status);
  return { added: events.filter((event) => addedKeys.has(event.key)), before: email.status, status };
}

/** A provider had taken it after all; an operator's retry has closed it already, with a word of its own. */
async function closeDeadLetter(trx: Trx, emailId: string): Promise<void> {
  await trx
    .updateTable('dead_emails')
    .set({ resolved_at: sql<Date>`now()`, resolution: 'delivered' })
    .where('email_id', '=', emailId)
    .where('resolved_at', 'is', null)
    .execute();
}

/** Leaves word that an e-mail's workflow is to be told; whoever delivers it deletes the row. */
export async function leaveSignal(trx: Trx, emailId: string, kind: SignalKind): Promise<void> {
  // Five seconds' grace: the process that commits this signals at once, the dispatcher only when that failed.
  await trx
    .insertInto('pending_signals')
    .values({ email_id: emailId, kind, try_at: sql`now() + interval '5 seconds'` })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
}

/** Reads the `statuses` table; a process does it once, at its start. */
export async function loadStatuses(db: Kysely<Database>): Promise<StatusCatalogue> {
  const rows = await db.selectFrom('statuses').selectAll().execute();
  return new Map(rows.map((row) => [row.name, row]));
}
