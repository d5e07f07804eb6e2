import { sql } from 'kysely';
import type { ProviderName } from '../../config.js';
import { count } from '../../postgres/counters.js';
import type { AttemptState, SignalKind } from '../../postgres/schema.js';
import { compileOnce } from '../../postgres/statements/compile-once.js';
import { later, type Trx } from '../../postgres/transaction.js';
import type { WebhookEvent } from '../../providers/webhook-format/event.js';
import { closeAttempt, NOT_TAKEN } from '../attempts/transitions.js';
import { eventKey, type LockedEmail, lockEmail, type NewEvent } from '../emails/events.js';
import { type StatusCatalogue, statusOf } from '../emails/statuses.js';
import { enqueueGeneration, noteTakenBy, removeEntry, removeHandedOverEntry } from '../queue/entry.js';
import { enqueueSignal } from '../signals/outbox.js';
import { suppressReceiver } from '../suppressions/suppressions.js';
import { recordEvents } from '../transitions/record.js';

/** A provider's webhook event in our words. */
export interface ProviderEvent extends WebhookEvent {
  readonly provider: ProviderName;
}

interface StoredEvents {
  /** The signals for the workflow; they are in `pending_signals` as well. */
  readonly signals: readonly SignalKind[];
  readonly status: string;
}

/** An e-mail, locked, and all its attempts: what an event is judged by. */
interface EventTarget {
  readonly email: LockedEmail;
  readonly attempts: Attempt[];
}

interface Attempt {
  readonly generation: number;
  readonly attempt: number;
  readonly provider: ProviderName;
  /** Changed as events prove it. */
  state: AttemptState;
}

/** Locks the e-mail that events are about. @returns undefined when there is none of that id. */
export async function lockEventTarget(trx: Trx, emailId: string): Promise<EventTarget | undefined> {
  const locking = lockEmail(trx, emailId);
  const [email, attempts] = await Promise.all([locking, readAttempts(trx, { emailId })]);
  return email && { email, attempts };
}

const readAttempts = compileOnce((db, { emailId }: { emailId: string }) =>
  db
    .selectFrom('send_attempts')
    .select(['generation', 'attempt', 'provider', 'state'])
    .where('email_id', '=', emailId)
    .orderBy('attempt', 'desc'),
);

/**
 * Stores what a provider says of one e-mail with everything that follows from it (status, evidence for an attempt
 * whose outcome was unknown, suppression, signal for the workflow), in the caller's transaction. Repetition and order
 * do not matter.
 *
 * An event of an older generation, from before a retry, counts for the status alone: its failure is not the newest
 * generation's. Nobody is signalled: the old workflow is gone, and the new one asks the record before each call.
 */
export async function storeProviderEvents(
  trx: Trx,
  { email, attempts }: EventTarget,
  events: readonly ProviderEvent[],
  catalogue: StatusCatalogue,
): Promise<StoredEvents> {
  const byKey = new Map<string, PlacedEvent>();
  for (const told of events) {
    const event = { ...told, type: statusOf(catalogue, told.type) };
    byKey.set(eventKey.ofProvider(event.provider, event.providerEventId), placeEvent(email, attempts, event));
  }
  const recorded = await recordEvents(
    trx,
    email,
    [...byKey].map(([key, event]) => toNewEvent(key, event)),
    catalogue,
  );
  const added = recorded.added.map((event) => byKey.get(event.key)!);
  const isCurrent = (event: PlacedEvent) => event.generation === email.generation;
  const signals = new Set<SignalKind>();
  let proven = false;
  for (const event of added) {
    const adopted = await adoptEvidence(trx, email, attempts, event);
    if (adopted && isCurrent(event) && !event.notTaken) {
      await noteProven(trx, email, event);
      proven = true;
    }
    // A caller that is still at work finds the proof when it records its answer. Only who waits for evidence is told.
    if (adopted && adopted !== 'calling' && isCurrent(event)) signals.add('evidence');
    if (event.suppress) await suppressReceiver(trx, email.id, event.generation, event.suppress);
  }
  for (const kind of whatToTell(added.filter(isCurrent), recorded.before, catalogue)) signals.add(kind);
  for (const kind of signals) await enqueueSignal(trx, email.id, kind);
  const before = catalogue.get(recorded.before);
  const after = catalogue.get(recorded.status);
  // The status counts as well: events of older generations come in any order, and the record may not know the attempt.
  const first = added.find((event) => catalogue.get(event.type)?.survives);
  if (first && !proven && after?.survives && !before?.survives) await noteProven(trx, email, first);
  if (after?.final) await removeHandedOverEntry(trx, email.id);
  else if (before?.survives && !after?.survives) await takeUpAgain(trx, email);
  return { signals: [...signals], status: recorded.status };
}

type PlacedEvent = ProviderEvent & { readonly generation: number };

/**
 * Assigns an event that names no attempt to the latest attempt at its provider: a bounce has to meet the "sent" that it
 * undoes. Such events come when their variables were lost; the Message-ID is the same for all attempts.
 */
function placeEvent(email: LockedEmail, attempts: readonly Attempt[], event: ProviderEvent): PlacedEvent {
  const generation = event.generation ?? email.generation;
  const own = attempts.filter((each) => each.generation === generation && each.provider === event.provider);
  const about = own.find((each) => event.attempt === null || each.attempt === event.attempt);
  const type = event.notTaken && about && GOES_ON.has(about.state) ? NOT_TAKEN : event.type;
  return { ...event, type, generation, attempt: event.attempt ?? about?.attempt ?? null };
}

/**
 * States of an attempt in which "not taken" does not end the e-mail. Either the caller still has to read its answer, or
 * the answer was understood as "try elsewhere", or the attempt was given up without an answer. The event is kept under a
 * type that is no status.
 */
const GOES_ON: ReadonlySet<AttemptState> = new Set(['calling', 'refused', 'abandoned']);

function toNewEvent(key: string, event: PlacedEvent): NewEvent {
  return {
    key,
    type: event.type,
    generation: event.generation,
    attempt: event.attempt,
    provider: event.provider,
    providerEventId: event.providerEventId,
    occurredAt: event.occurredAt,
    metadata: event.metadata,
  };
}

/**
 * Only what moves a workflow is signalled: a delivery, the first open, an end. Workflows know any end as `failed`, and
 * read from the record which it is.
 */
function whatToTell(added: readonly ProviderEvent[], before: string, catalogue: StatusCatalogue): SignalKind[] {
  const told = new Set(added.map(({ type }) => catalogue.get(type)?.signal));
  const kinds: SignalKind[] = [];
  if (told.has('delivered')) kinds.push('delivered');
  if (told.has('opened') && catalogue.get(before)?.signal !== 'opened') kinds.push('opened');
  if (told.has('over')) kinds.push('failed');
  return kinds;
}

/**
 * Adopts an event as evidence. Any event of an attempt proves that the provider took the message, even if the call's
 * answer said otherwise or never came. The exception is an event that says that it was not taken.
 *
 * @returns what was thought of the attempt before; undefined when this proves nothing new.
 */
async function adoptEvidence(
  trx: Trx,
  email: LockedEmail,
  attempts: readonly Attempt[],
  event: PlacedEvent,
): Promise<AttemptState | undefined> {
  const { generation, provider, providerMessageId } = event;
  const proven = attempts.find(
    (each) => each.generation === generation && each.attempt === event.attempt && each.provider === provider,
  );
  if (!proven || proven.state === 'accepted') return undefined;
  if (event.notTaken) return closeNotTaken(trx, email, proven);
  const before = proven.state;
  proven.state = 'accepted';
  const closing = trx
    .updateTable('send_attempts')
    .set({
      state: 'accepted',
      finished_at: sql<Date>`coalesce(finished_at, clock_timestamp())`,
      provider_message_id: sql<string | null>`coalesce(provider_message_id, ${providerMessageId})`,
    })
    .where('email_id', '=', email.id)
    .where('generation', '=', generation)
    .where('attempt', '=', proven.attempt)
    .execute();
  await later(trx, closing);
  if (before === 'ambiguous') await count(trx, 'adopted_attempts', provider);
  const isSecond = attempts.some((each) => each !== proven && each.generation === generation && isAccepted(each));
  if (isSecond) await count(trx, 'known_duplicates', provider);
  return before;
}

const isAccepted = ({ state }: Attempt) => state === 'accepted';

/** Closes an attempt of unknown outcome as not taken. @returns its former state, if that changes. */
async function closeNotTaken(trx: Trx, email: LockedEmail, attempt: Attempt): Promise<AttemptState | undefined> {
  if (attempt.state !== 'ambiguous') return undefined;
  attempt.state = 'rejected';
  await closeAttempt(trx, { emailId: email.id, ...attempt }, 'rejected', NOT_TAKEN);
  if (attempt.generation === email.generation) await removeEntry(trx, email.id, email.generation);
  return 'ambiguous';
}

/** Notes that a provider has the e-mail, as an event proves. */
const noteProven = (trx: Trx, { id }: LockedEmail, { occurredAt: at, ...event }: PlacedEvent) =>
  noteTakenBy(trx, id, { ...event, at });

/**
 * Puts the newest generation back into the queue. It was not sent because an older generation turned out to have been
 * taken. Now that older one turns out to have failed, so the newest has to be sent after all.
 */
async function takeUpAgain(trx: Trx, { id, priority, generation }: LockedEmail): Promise<void> {
  const anew = {
    ...{ sent_at: null, provider: null, provider_message_id: null },
    // Its time begins now: it could not be sent before.
    due_at: sql<Date>`now()`,
    deadline_at: sql<Date>`now() + (deadline_at - due_at)`,
  };
  await later(trx, trx.updateTable('emails').set(anew).where('id', '=', id).execute());
  await enqueueGeneration(trx, id, priority, generation);
}
