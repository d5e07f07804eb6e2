import { sql } from 'kysely';
import { QUEUE_CHANNEL } from '../../postgres/channels.js';
import type { Db } from '../../postgres/database.js';
import { type Trx, transact } from '../../postgres/transaction.js';
import { generationEvent, type LockedEmail, lockEmail } from '../emails/events.js';
import type { StatusCatalogue } from '../emails/statuses.js';
import { recordEvents } from '../transitions/record.js';

/**
 * Why an e-mail cannot be stopped any more.
 * - `sending`: a call is under way, or its outcome is unknown.
 * - `sent`: a provider has the e-mail.
 * - `over`: the e-mail has ended in another way.
 * - `due`: it is being dispatched. This concerns rescheduling only.
 */
export type TooLate = 'sending' | 'sent' | 'over' | 'due';

type CancelResult =
  /** `running`: its workflow may be waiting, and has to be woken. */
  | { readonly kind: 'cancelled'; readonly running: boolean }
  | { readonly kind: 'not_found' }
  | { readonly kind: 'too_late'; readonly why: TooLate };

/**
 * Cancels an e-mail that no provider has and that nobody is sending at this moment. The record decides: whoever asks
 * for permission to call afterwards finds it ended. Cancelling twice is cancelling once.
 *
 * @param clientId whose it has to be; null for anyone's.
 * @param job the job that does it, for the event.
 */
export async function cancelEmail(
  db: Db,
  clientId: string | null,
  emailId: string,
  catalogue: StatusCatalogue,
  job?: string,
): Promise<CancelResult> {
  return transact(db, async (trx) => {
    const email = await lockEmail(trx, emailId);
    if (!email || (clientId && email.client_id !== clientId)) return { kind: 'not_found' };
    if (email.status === 'cancelled') return { kind: 'cancelled', running: false };
    const why = await whyTooLate(trx, email, catalogue);
    if (why) return { kind: 'too_late', why };

    const event = generationEvent(email.generation, 'cancelled', job ? { job } : {});
    await recordEvents(trx, email, [event], catalogue, { columns: { cancelled_at: sql<Date>`now()` } });
    // A dispatcher that is starting its workflow holds the row: then this waits, and the workflow finds it cancelled.
    const place = await trx
      .deleteFrom('email_queue')
      .where('email_id', '=', emailId)
      .returning('dispatched_at')
      .executeTakeFirst();
    return { kind: 'cancelled', running: place !== undefined && place.dispatched_at !== null };
  });
}

/** Why an e-mail cannot be stopped or turned any more; undefined when it can. */
export async function whyTooLate(
  trx: Trx,
  email: LockedEmail,
  catalogue: StatusCatalogue,
): Promise<TooLate | undefined> {
  const attempts = await trx
    .selectFrom('send_attempts')
    .select('state')
    .where('email_id', '=', email.id)
    .where('generation', '=', email.generation)
    .where('state', 'in', ['calling', 'ambiguous', 'accepted'])
    .execute();
  const rule = catalogue.get(email.status);
  if (rule?.survives) return 'sent';
  if (rule?.final) return 'over';
  if (attempts.some(({ state }) => state === 'accepted')) return 'sent';
  return attempts.length > 0 ? 'sending' : undefined;
}

type RescheduleResult =
  | { readonly kind: 'rescheduled' }
  | { readonly kind: 'not_found' }
  | { readonly kind: 'too_late'; readonly why: TooLate };

/**
 * Gives a scheduled e-mail another time. This is possible only while it waits for its former time. Once it is queued,
 * "scheduled" would be a step back, and events cannot express that: they count in any order.
 *
 * @param sendAt null for now.
 */
export async function rescheduleEmail(
  db: Db,
  clientId: string | null,
  emailId: string,
  options: { readonly sendAt: Date | null; readonly deadlineMs: (priority: 'critical' | 'medium' | 'low') => number },
  catalogue: StatusCatalogue,
): Promise<RescheduleResult> {
  return transact(db, async (trx) => {
    const email = await lockEmail(trx, emailId);
    if (!email || (clientId && email.client_id !== clientId)) return { kind: 'not_found' };
    if (email.status !== 'scheduled') return { kind: 'too_late', why: await whyNotScheduled(trx, email, catalogue) };

    const dueAt = options.sendAt ?? sql<Date>`now()`;
    const place = await trx
      .updateTable('email_queue')
      .set({ due_at: dueAt })
      .where('email_id', '=', emailId)
      .where('state', '=', 'waiting')
      .returning('priority')
      .executeTakeFirst();
    if (!place) return { kind: 'too_late', why: 'due' };
    const deadlineMs = options.deadlineMs(place.priority);
    const event = {
      ...generationEvent(email.generation, 'rescheduled', { send_at: options.sendAt?.toISOString() ?? 'now' }),
      // Each time is another event.
      key: `tempost:g${email.generation}:rescheduled:${Date.now()}`,
    };
    const deadlineAt = sql<Date>`${dueAt}::timestamptz + make_interval(secs => ${deadlineMs / 1000})`;
    const columns = { due_at: dueAt, deadline_at: deadlineAt };
    await recordEvents(trx, email, [event], catalogue, { columns });
    await sql`select pg_notify(${QUEUE_CHANNEL}, ${place.priority})`.execute(trx);
    return { kind: 'rescheduled' };
  });
}

async function whyNotScheduled(trx: Trx, email: LockedEmail, catalogue: StatusCatalogue): Promise<TooLate> {
  return (await whyTooLate(trx, email, catalogue)) ?? 'due';
}

/** Whether an e-mail's workflow waits for its next round or for a provider. Only then does it help to wake it. */
export async function isBackingOff(db: Db, clientId: string | null, emailId: string): Promise<boolean | undefined> {
  const row = await db
    .selectFrom('emails')
    .leftJoin('email_queue', 'email_queue.email_id', 'emails.id')
    .select(['client_id', 'state'])
    .where('emails.id', '=', emailId)
    .executeTakeFirst();
  if (!row || (clientId && row.client_id !== clientId)) return undefined;
  return row.state === 'backing_off' || row.state === 'awaiting_provider';
}
