import { sql, type Transaction } from 'kysely';
import { addressOf } from '../../address.js';
import type { ProviderName } from '../../config.js';
import type { Db } from '../../postgres/database.js';
import type { Database } from '../../postgres/schema.js';
import { type Trx, transact } from '../../postgres/transaction.js';
import type { PerPriority } from '../../priority.js';
import { countIfAllowed } from '../clients/limits.js';
import { maySend } from '../clients/senders.js';
import { generationEvent, lockEmail } from '../emails/events.js';
import type { StatusCatalogue } from '../emails/statuses.js';
import { enqueueGeneration } from '../queue/entry.js';
import { recordEvents } from '../transitions/record.js';

interface RetryRequest {
  readonly emailId: string;
  /** Whose it has to be; null for anyone's. */
  readonly clientId: string | null;
  readonly by: 'operator' | 'client';
  /** The job that does it. */
  readonly job?: string;
  /** This provider and no other. */
  readonly provider?: ProviderName;
  /** Instead of the receiver it had. */
  readonly receiver?: { readonly submitted: string; readonly address: string };
  /** The service levels: the new life's deadline counts from now. */
  readonly deadlineMs: PerPriority<number>;
}

export type RetryResult =
  | { readonly kind: 'retried'; readonly generation: number }
  | { readonly kind: 'not_found' }
  /** It is on its way, or has arrived, or was cancelled. */
  | { readonly kind: 'not_retryable'; readonly status: string }
  /** A call to a provider may still be going on. */
  | { readonly kind: 'attempt_open' }
  /** What it said is gone by retention. */
  | { readonly kind: 'content_removed'; readonly at: Date }
  /** A retry to another receiver counts as a submission, and the client has used up its limit of today (UTC). */
  | { readonly kind: 'limit_reached' }
  /** A retry to another receiver counts as a submission, and the client may no longer send as this (bare) address. */
  | { readonly kind: 'sender_refused'; readonly clientId: string; readonly sender: string };

/**
 * Begins an e-mail's next generation. The e-mail waits in the queue as if it had just been accepted: its lifetime and its
 * deadline start anew. Its history stays. A correction goes into the record, never into a workflow.
 */
export function retryEmail(db: Db, request: RetryRequest, catalogue: StatusCatalogue): Promise<RetryResult> {
  return transact(db, (trx) => beginGeneration(trx, request, catalogue));
}

async function beginGeneration(trx: Trx, request: RetryRequest, catalogue: StatusCatalogue): Promise<RetryResult> {
  const email = await lockEmail(trx, request.emailId);
  if (!email || (request.clientId && email.client_id !== request.clientId)) return { kind: 'not_found' };
  if (!catalogue.get(email.status)?.retryable) return { kind: 'not_retryable', status: email.status };
  if (await isCalling(trx, email.id)) return { kind: 'attempt_open' };
  const { sender, content_removed_at: removedAt } = await readTerms(trx, email.id);
  if (removedAt) return { kind: 'content_removed', at: removedAt };
  // An accepted e-mail is sent even so, but only to the receiver it was accepted for.
  const refused = request.receiver && (await refusedSender(trx, email.client_id, sender));
  if (refused) return { kind: 'sender_refused', clientId: email.client_id, sender: refused };
  // Otherwise a client could write to anyone by means of one failed e-mail. Before anything is changed: a job goes on in
  // the same transaction when it is refused.
  if (request.receiver && !(await countIfAllowed(trx, email.client_id, email.priority)))
    return { kind: 'limit_reached' };

  const generation = email.generation + 1;
  await resolveDeadLetter(trx, email.id);
  // The event tells that the receiver was corrected, and not to whom: the address is stored in one place only.
  const event = generationEvent(generation, 'queued', {
    retried_by: request.by,
    ...(request.job && { job: request.job }),
    ...(request.provider && { provider: request.provider }),
    ...(request.receiver && { corrected_receiver: true }),
  });
  const columns = newLife(request, generation, request.deadlineMs[email.priority]);
  await recordEvents(trx, email, [event], catalogue, { columns });
  await enqueueGeneration(trx, email.id, email.priority, generation);
  return { kind: 'retried', generation };
}

/** As whom it is sent, and since when there is nothing left to send; the lock on it keeps that from changing now. */
const readTerms = (trx: Trx, emailId: string) =>
  trx.selectFrom('emails').select(['sender', 'content_removed_at']).where('id', '=', emailId).executeTakeFirstOrThrow();

/** The (bare) address of a sender, if the client may not send as that address now. */
async function refusedSender(trx: Trx, clientId: string, sender: string): Promise<string | undefined> {
  const address = addressOf(sender);
  return (await maySend(trx, clientId, address)) ? undefined : address;
}

/** Whether a call may still be going on: the next generation must never call beside it. */
async function isCalling(trx: Transaction<Database>, emailId: string): Promise<boolean> {
  const calling = await trx
    .selectFrom('send_attempts')
    .select('attempt')
    .where('email_id', '=', emailId)
    .where('state', '=', 'calling')
    .where('call_until', '>', sql<Date>`clock_timestamp()`)
    .executeTakeFirst();
  return calling !== undefined;
}

async function resolveDeadLetter(trx: Transaction<Database>, emailId: string): Promise<void> {
  await trx
    .updateTable('dead_emails')
    .set({ resolved_at: sql<Date>`now()`, resolution: 'retried' })
    .where('email_id', '=', emailId)
    .where((eb) => eb.or([eb('resolved_at', 'is', null), eb('resolution', '=', 'discarded')]))
    .execute();
}

function newLife({ provider, receiver }: RetryRequest, generation: number, deadlineMs: number) {
  return {
    generation,
    due_at: sql<Date>`now()`,
    deadline_at: sql<Date>`now() + make_interval(secs => ${deadlineMs / 1000})`,
    dispatched_at: null,
    sent_at: null,
    cancelled_at: null,
    provider: null,
    provider_message_id: null,
    only_provider: provider ?? null,
    ...(receiver && { receiver: receiver.submitted, receiver_address: receiver.address }),
  };
}
