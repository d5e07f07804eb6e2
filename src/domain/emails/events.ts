import { compileOnce } from '../../postgres/statements/compile-once.js';
import { later, type Trx } from '../../postgres/transaction.js';
import type { Priority } from '../../priority.js';
import { type NewEvent, toRow } from './event-rows.js';
import { type ProjectableEvent, projectStatus } from './projection.js';
import type { StatusCatalogue } from './statuses.js';
import { type EmailChanges, writeEvents } from './write-events.js';

export { eventKey, generationEvent, type NewEvent, rowOf, toRow } from './event-rows.js';

/** The row of an e-mail that every writer of events locks first, so that its status is projected by one at a time. */
export interface LockedEmail {
  readonly id: string;
  readonly client_id: string;
  readonly priority: Priority;
  readonly status: string;
  readonly generation: number;
  /** All events by their keys; nobody else can add one before the lock is given up. */
  readonly events: Map<string, ProjectableEvent>;
}

/** Locks an e-mail for the rest of the transaction. @returns undefined when there is none of that id. */
export async function lockEmail(trx: Trx, emailId: string): Promise<LockedEmail | undefined> {
  const row = lock(trx, { emailId }).then(([it]) => it);
  return withEvents(row, readEvents(trx, emailId));
}

const lock = compileOnce((db, { emailId }: { emailId: string }) =>
  db
    .selectFrom('emails')
    .select(['id', 'client_id', 'priority', 'status', 'generation'])
    .where('id', '=', emailId)
    .forUpdate(),
);

/** A row that was locked, with the events that were asked for after the lock. */
export async function withEvents<Row extends object>(
  locked: Promise<Row | undefined>,
  events: Promise<LockedEmail['events']>,
): Promise<(Row & Pick<LockedEmail, 'events'>) | undefined> {
  const [row, known] = await Promise.all([locked, events]);
  return row && { ...row, events: known };
}

/** The events of an e-mail. Asked for after the lock: a statement sees what was committed before it began. */
export async function readEvents(trx: Trx, emailId: string): Promise<LockedEmail['events']> {
  const rows = await readKnown(trx, { emailId });
  return new Map(rows.map(({ event_key, ...event }) => [event_key, event]));
}

const readKnown = compileOnce((db, { emailId }: { emailId: string }) =>
  db.selectFrom('email_events').select(['event_key', 'type', 'generation', 'attempt']).where('email_id', '=', emailId),
);

/**
 * The most events that an e-mail keeps of whatever kind. A receiver can click a link a hundred thousand times, and every
 * event of an e-mail is read under its lock whenever another one comes.
 */
export const MOST_EVENTS = 1_000;

export interface RecordedEvents {
  /** The events that were new; repeated ones are left out, and so are those that the e-mail keeps no more of. */
  readonly added: readonly NewEvent[];
  readonly before: string;
  readonly status: string;
}

/**
 * Appends events to a locked e-mail and projects its status from all of them. Repeated events change nothing. Once a
 * transaction: `email` does not learn its new status. What follows from a change of status is `recordEvents`' to see to.
 *
 * @param email as `lockEmail` gave it in this transaction.
 * @param changes what else to write of the e-mail along with its status, in the same statement.
 */
export async function appendEvents(
  trx: Trx,
  email: LockedEmail,
  events: readonly NewEvent[],
  catalogue: StatusCatalogue,
  changes: EmailChanges = {},
): Promise<RecordedEvents> {
  const added = takeNew(email, events, catalogue);
  const status = projectStatus(email.events.values(), catalogue) ?? email.status;
  // Here rather than on the way: what cannot be written has to fail before the commit is sent.
  const rows = added.map((event) => toRow(email.id, event));
  await later(trx, writeEvents(trx, email.id, rows, changes, status === email.status ? undefined : status));
  return { added, before: email.status, status };
}

/** Adds what is new to an e-mail's known events. @returns those that are to be stored. */
function takeNew({ events: known }: LockedEmail, events: readonly NewEvent[], catalogue: StatusCatalogue): NewEvent[] {
  const added: NewEvent[] = [];
  for (const event of events) {
    const { key, type, generation, attempt } = event;
    if (known.has(key) || (known.size >= MOST_EVENTS && isOneMore(known, event, catalogue))) continue;
    known.set(key, { type, generation, attempt });
    added.push(event);
  }
  return added;
}

/** Whether an event says nothing that another one of its attempt has not said: it cannot change the status. */
function isOneMore(known: LockedEmail['events'], event: NewEvent, catalogue: StatusCatalogue): boolean {
  // Of trouble each has a cause of its own, and may suppress.
  if (catalogue.get(event.type)?.trouble) return false;
  const isLike = (other: ProjectableEvent) =>
    other.type === event.type && other.generation === event.generation && other.attempt === event.attempt;
  return [...known.values()].some(isLike);
}
