import { sql, type Transaction } from 'kysely';
import type { ProviderName } from '../config.js';
import { countDuplicate } from './attempt-steps.js';
import { count } from './counters.js';
import { eventKey, type LockedEmail, leaveSignal, lockEmail, type NewEvent, recordEvents } from './events.js';
import { endAwaiting, handOverChanges, noteHandedOver } from './hand-over.js';
import type { AttemptState, Database, SignalKind } from './schema.js';
import type { StatusCatalogue } from './statuses.js';
import { suppressReceiver } from './suppressions.js';

type Trx = Transaction<Database>;

/** A provider's webhook event in our words. */
export interface ProviderEvent {
  readonly provider: ProviderName;
  /** Unique within the provider and the e-mail. */
  readonly providerEventId: string;
  /** A status name where it means one, any other word otherwise. */
  readonly type: string;
  /** What we had sent along; null when the event does not carry it. */
  readonly generation: number | null;
  readonly attempt: number | null;
  readonly occurredAt: Date;
  readonly providerMessageId: string | null;
  /** Why the receiver's address must not be written to again. */
  readonly suppress?: 'bounced' | 'complained' | 'unsubscribed';
  readonly metadata: Record<string, unknown>;
}

export interface StoredEvents {
  /** What the workflow is to be told; word is left in `pending_signals` as well. */
  readonly signals: readonly SignalKind[];
  readonly status: string;
}

/**
 * Stores what a provider says of one e-mail with everything that follows from it (status, evidence for an attempt
 * whose outcome was unknown, suppression, word for the workflow), in the caller's transaction. Repetition and order
 * do not matter.
 *
 * @returns undefined when there is no such e-mail.
 */
export async function storeProviderEvents(
  trx: Trx,
  emailId: string,
  events: readonly ProviderEvent[],
  catalogue: StatusCatalogue,
): Promise<StoredEvents | undefined> {
  const email = await lockEmail(trx, emailId);
  if (!email) return undefined;
  const byKey = new Map<string, PlacedEvent>();
  for (const event of events) {
    byKey.set(eventKey.ofProvider(event.provider, event.providerEventId), await placeEvent(trx, email, event));
  }
  const recorded = await recordEvents(
    trx,
    email,
    [...byKey].map(([key, event]) => toNewEvent(key, event)),
    catalogue,
  );
  const added = recorded.added.map((event) => byKey.get(event.key)!);
  const signals = new Set<SignalKind>();
  for (const event of added) {
    if (await adoptEvidence(trx, email, event)) signals.add('evidence');
    if (event.suppress) await suppressReceiver(trx, email.id, event.suppress);
  }
  for (const kind of whatToTell(added, recorded.before, catalogue)) signals.add(kind);
  for (const kind of signals) await leaveSignal(trx, emailId, kind);
  if (catalogue.get(recorded.status)?.final) await endAwaiting(trx, emailId);
  return { signals: [...signals], status: recorded.status };
}

type PlacedEvent = ProviderEvent & { readonly generation: number };

/**
 * An event that names no attempt (its variables were lost; the Message-ID is the same for all attempts) is taken to be
 * of the latest one at its provider: a bounce has to meet the "sent" that it undoes.
 */
async function placeEvent(trx: Trx, email: LockedEmail, event: ProviderEvent): Promise<PlacedEvent> {
  const generation = event.generation ?? email.generation;
  if (event.attempt !== null) return { ...event, generation };
  const latest = await trx
    .selectFrom('send_attempts')
    .select('attempt')
    .where('email_id', '=', email.id)
    .where('generation', '=', generation)
    .where('provider', '=', event.provider)
    .orderBy('attempt', 'desc')
    .limit(1)
    .executeTakeFirst();
  return { ...event, generation, attempt: latest?.attempt ?? null };
}

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

/** Only what moves a workflow is signalled: the first delivery, the first open, the final failure. */
function whatToTell(added: readonly ProviderEvent[], before: string, catalogue: StatusCatalogue): SignalKind[] {
  const kinds: SignalKind[] = [];
  const types = new Set(added.map((event) => event.type));
  if (types.has('delivered')) kinds.push('delivered');
  if ((types.has('opened') || types.has('clicked')) && before !== 'opened' && before !== 'clicked')
    kinds.push('opened');
  const over = (type: string) =>
    catalogue.get(type)?.final && type !== 'delivered' && type !== 'opened' && type !== 'clicked';
  if ([...types].some(over)) kinds.push('failed');
  return kinds;
}

/**
 * Whatever a provider tells of an attempt proves that it took the message, also when the call's answer said otherwise
 * or never came.
 *
 * @returns whether a workflow may be waiting for this.
 */
async function adoptEvidence(trx: Trx, email: LockedEmail, event: PlacedEvent): Promise<boolean> {
  const proven = await trx
    .updateTable('send_attempts')
    .set({
      state: 'accepted',
      finished_at: sql<Date>`coalesce(finished_at, clock_timestamp())`,
      provider_message_id: sql<string | null>`coalesce(provider_message_id, ${event.providerMessageId})`,
    })
    .where('email_id', '=', email.id)
    .where('generation', '=', event.generation)
    .where('attempt', '=', event.attempt)
    .where('provider', '=', event.provider)
    .where('state', '!=', 'accepted')
    .returning(sql<AttemptState>`old.state`.as('before'))
    .executeTakeFirst();
  if (!proven) return false;
  const changes = handOverChanges(event.provider, event.providerMessageId, event.occurredAt);
  await trx.updateTable('emails').set(changes).where('id', '=', email.id).execute();
  await noteHandedOver(trx, email.id);
  if (proven.before === 'ambiguous') await count(trx, 'adopted_attempts', event.provider);
  if (proven.before !== 'calling') {
    await countDuplicate(trx, { emailId: email.id, generation: event.generation, provider: event.provider });
  }
  // Whoever is still calling finds the proof when it writes its answer down; only who waits for evidence is to be told.
  return proven.before !== 'calling';
}
