import { type ExpressionBuilder, sql } from 'kysely';
import type { ProviderName } from '../../config.js';
import { count } from '../../postgres/counters.js';
import type { AttemptState, Database } from '../../postgres/schema.js';
import { compileOnce } from '../../postgres/statements/compile-once.js';
import { later, type Trx } from '../../postgres/transaction.js';
import type { SendResult } from '../../providers/provider.js';
import { eventKey, type LockedEmail } from '../emails/events.js';
import type { ProjectableEvent } from '../emails/projection.js';
import type { StatusCatalogue } from '../emails/statuses.js';
import { markHandedOver, noteTakenBy, removeEntry } from '../queue/entry.js';
import { recordEvents } from '../transitions/record.js';

// The transitions of an attempt. Whoever learns its outcome calls them, under the e-mail's row lock.

/** Which call: one attempt of one generation of one e-mail, at one provider. */
export interface AttemptId {
  readonly emailId: string;
  readonly generation: number;
  readonly attempt: number;
  readonly provider: ProviderName;
}

/** What became of a call, once it is recorded. `ended`: the e-mail will not be sent, and the status says why. */
export type Outcome =
  | { readonly kind: 'accepted'; readonly provider: ProviderName }
  | { readonly kind: 'ended'; readonly status: string; readonly code?: string }
  | { readonly kind: 'refused'; readonly code: string; readonly retryAfterMs?: number }
  | { readonly kind: 'ambiguous'; readonly code: string };

/** Marks the attempt as accepted, whatever the record said of it before. */
export async function markAccepted(
  trx: Trx,
  email: LockedEmail,
  id: AttemptId,
  providerMessageId: string,
  catalogue: StatusCatalogue,
  metadata: Record<string, unknown> = {},
): Promise<Outcome> {
  // Only a later attempt can be a second accepted one, so the hot path needs no further statement.
  const hasOthers = id.attempt > 1 || [...email.events.values()].some((event) => isLater(event, id));
  const isNew = hasOthers && (await readAttempt(trx, id)).state !== 'accepted';
  await later(trx, closeAccepted(trx, { ...id, providerMessageId }));
  if (isNew) await countDuplicate(trx, id);
  const sent = attemptEvent(id, 'sent', metadata);
  const taken = { provider: id.provider, providerMessageId, at: null };
  if (id.generation === email.generation) {
    // In one statement with the status: this is the hot path.
    await recordEvents(trx, email, [sent], catalogue, { taken });
    await markHandedOver(trx, id.emailId);
    return { kind: 'accepted', provider: id.provider };
  }
  // The attempt is of a generation before a retry: what happened since decides whether a provider has the e-mail.
  const { status } = await recordEvents(trx, email, [sent], catalogue);
  if (catalogue.get(status)?.survives) await noteTakenBy(trx, id.emailId, taken);
  return { kind: 'accepted', provider: id.provider };
}

const closeAccepted = compileOnce((db, id: AttemptId & { readonly providerMessageId: string }) =>
  db
    .updateTable('send_attempts')
    .set({
      state: 'accepted',
      provider_message_id: id.providerMessageId,
      finished_at: sql<Date>`coalesce(finished_at, clock_timestamp())`,
    })
    .where(thisAttempt(id)),
);

const isLater = (event: ProjectableEvent, { generation, attempt }: AttemptId) =>
  event.generation === generation && event.attempt !== null && event.attempt > attempt;

/** A second accepted attempt of one generation is a duplicate that we know of. */
async function countDuplicate(trx: Trx, id: AttemptId): Promise<void> {
  const accepted = await trx
    .selectFrom('send_attempts')
    .select('attempt')
    .where('email_id', '=', id.emailId)
    .where('generation', '=', id.generation)
    .where('state', '=', 'accepted')
    .execute();
  if (accepted.length > 1) await count(trx, 'known_duplicates', id.provider);
}

/** What the record says of an attempt. */
export async function readAttempt(trx: Trx, id: AttemptId) {
  return trx
    .selectFrom('send_attempts')
    .select(['state', 'provider', 'started_at'])
    .where(thisAttempt(id))
    .executeTakeFirstOrThrow();
}

/**
 * Closes an attempt that is open.
 *
 * @returns undefined when it was closed before.
 */
export async function closeAttempt(trx: Trx, id: AttemptId, state: AttemptState, code: string) {
  return (
    trx
      .updateTable('send_attempts')
      .set({ state, code, finished_at: state === 'ambiguous' ? null : sql<Date>`clock_timestamp()` })
      .where(thisAttempt(id))
      // Also from ambiguous: an answer that comes after the call was given up still counts, unless it is itself ambiguous.
      .where('state', 'in', state === 'ambiguous' ? ['calling'] : ['calling', 'ambiguous'])
      .returning('started_at')
      .executeTakeFirst()
  );
}

/** The attempt was closed before this answer came: what the record says stands. */
export async function adopt(
  trx: Trx,
  id: AttemptId,
  result: Exclude<SendResult, { kind: 'accepted' }>,
): Promise<Outcome> {
  const { state, provider } = await readAttempt(trx, id);
  if (state === 'accepted') return { kind: 'accepted', provider };
  if (state === 'rejected') return { kind: 'ended', status: 'failed', code: result.code };
  if (state === 'ambiguous') return { kind: 'ambiguous', code: result.code };
  return { kind: 'refused', code: result.code, retryAfterMs: result.retryAfterMs };
}

/** The type of the event by which a provider says that it has not taken a message. Kept while the attempt is open. */
export const NOT_TAKEN = 'not_taken';

const wasNotTaken = ({ events }: LockedEmail, { generation, attempt }: AttemptId) =>
  [...events.values()].some(
    (event) => event.type === NOT_TAKEN && event.generation === generation && event.attempt === attempt,
  );

/** Closes an attempt whose answer is lost, by what the provider's webhook said. */
async function noteNotTaken(trx: Trx, email: LockedEmail, id: AttemptId, catalogue: StatusCatalogue): Promise<Outcome> {
  await closeAttempt(trx, id, 'rejected', NOT_TAKEN);
  await recordEvents(trx, email, [attemptEvent(id, 'failed', { code: NOT_TAKEN })], catalogue);
  await removeEntry(trx, id.emailId, id.generation);
  return { kind: 'ended', status: 'failed', code: NOT_TAKEN };
}

/** Nobody knows whether the provider has it: the e-mail waits for evidence. */
export async function recordUnknownOutcome(
  trx: Trx,
  email: LockedEmail,
  id: AttemptId,
  code: string,
  catalogue: StatusCatalogue,
): Promise<Outcome> {
  if (wasNotTaken(email, id)) return noteNotTaken(trx, email, id, catalogue);
  await recordEvents(trx, email, [attemptEvent(id, 'unconfirmed', { code })], catalogue);
  await noteBackOff(trx, id);
  await count(trx, 'ambiguous_attempts', id.provider);
  return { kind: 'ambiguous', code };
}

/**
 * Notes that the e-mail's workflow waits for its next round or for evidence. Meanwhile it does not count as in flight. A
 * late call changes nothing in the queue entry of a later generation.
 */
export async function noteBackOff(trx: Trx, id: Pick<AttemptId, 'emailId' | 'generation'>): Promise<void> {
  await later(
    trx,
    trx
      .updateTable('email_queue')
      .set({ state: 'backing_off' })
      .where('email_id', '=', id.emailId)
      .where('generation', '=', id.generation)
      .where('state', '=', 'in_flight')
      .execute(),
  );
}

/** An event of an attempt. */
export function attemptEvent(id: AttemptId, type: string, metadata: Record<string, unknown> = {}) {
  return {
    key: eventKey.ofAttempt(type, id.generation, id.attempt),
    type,
    generation: id.generation,
    attempt: id.attempt,
    provider: id.provider,
    occurredAt: new Date(),
    metadata,
  };
}

const thisAttempt =
  (id: AttemptId) =>
  ({ and, eb }: ExpressionBuilder<Database, 'send_attempts'>) =>
    and([eb('email_id', '=', id.emailId), eb('generation', '=', id.generation), eb('attempt', '=', id.attempt)]);
