import { sql } from 'kysely';
import { eventKey, rowOf, toRow } from '../../src/domain/emails/events.js';
import type { Db } from '../../src/postgres/database.js';
import type { QueueState } from '../../src/postgres/schema.js';
import type { Priority } from '../../src/priority.js';
import { insertClient } from './database.js';

export interface QueuedEmailOptions {
  readonly clientId?: string;
  readonly priority?: Priority;
  readonly receiver?: string;
  readonly state?: QueueState;
  /** Seconds from now; negative for the past. */
  readonly dueInS?: number;
  readonly deadlineInS?: number;
}

/** An accepted e-mail with its place in the queue, as the API leaves it. @returns its id. */
export async function insertQueuedEmail(db: Db, options: QueuedEmailOptions = {}): Promise<string> {
  const clientId = options.clientId ?? (await insertClient(db)).id;
  const priority = options.priority ?? 'medium';
  const receiver = options.receiver ?? 'reader@example.org';
  const due = sql<Date>`now() + make_interval(secs => ${options.dueInS ?? 0})`;
  const { id } = await db
    .insertInto('emails')
    .values({
      id: sql<string>`uuidv7()`,
      client_id: clientId,
      priority,
      sender: 'shop@example.com',
      receiver,
      receiver_address: receiver,
      subject: 'Your order',
      content: 'Thank you for your order.',
      content_type: 'text/plain',
      metadata: '{}',
      status: 'queued',
      created_at: sql<Date>`now()`,
      due_at: due,
      deadline_at: sql<Date>`now() + make_interval(secs => ${options.deadlineInS ?? 900})`,
    })
    .returning('id')
    .executeTakeFirstOrThrow();
  const queued = { key: eventKey.ofGeneration('queued', 1), type: 'queued', generation: 1, attempt: null };
  await db
    .insertInto('email_events')
    .values(rowOf(toRow(id, { ...queued, occurredAt: new Date() })))
    .execute();
  const state = options.state ?? 'waiting';
  const dispatched = state === 'waiting' ? null : sql<Date>`now()`;
  await db
    .insertInto('email_queue')
    .values({
      email_id: id,
      priority,
      generation: 1,
      state,
      due_at: due,
      dispatched_at: dispatched,
      check_at: dispatched,
    })
    .execute();
  return id;
}

/** Holds an e-mail's row, so that whoever wants it waits. @returns how to let it go. */
export async function holdEmail(db: Db, emailId: string): Promise<() => Promise<void>> {
  let letGo: () => void = () => {};
  const wait = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  let ended: Promise<void> = Promise.resolve();
  await new Promise<void>((held, failed) => {
    ended = db.transaction().execute(async (trx) => {
      await trx.selectFrom('emails').select('id').where('id', '=', emailId).forUpdate().execute();
      held();
      await wait;
    });
    ended.catch(failed);
  });
  return async () => {
    letGo();
    await ended;
  };
}
