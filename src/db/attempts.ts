import { type ExpressionBuilder, sql, type Transaction } from 'kysely';
import type { ProviderName } from '../config.js';
import type { FailureKind, SendResult } from '../providers/provider.js';
import type { Db } from './database.js';
import { bury } from './dead-letters.js';
import { eventKey, type LockedEmail, lockEmail, recordEvents } from './events.js';
import { handOverChanges, noteHandedOver } from './hand-over.js';
import { openMs } from './permission.js';
import type { AttemptState, Database } from './schema.js';
import type { StatusCatalogue } from './statuses.js';

type Trx = Transaction<Database>;

/** Which call: one attempt of one generation of one e-mail, at one provider. */
export interface AttemptId {
  readonly emailId: string;
  readonly generation: number;
  readonly attempt: number;
  readonly provider: ProviderName;
}

/** What became of a call, once it is in the record; `ended`: it will not be sent, the status says why. */
export type Outcome =
  | { readonly kind: 'accepted'; readonly provider: ProviderName }
  | { readonly kind: 'ended'; readonly status: string; readonly code?: string }
  | { readonly kind: 'refused'; readonly code: string; readonly retryAfterMs?: number }
  | { readonly kind: 'ambiguous'; readonly code: string };

/** How each kind of failure is written down: the attempt's state, and the event that gives the e-mail its status. */
const FAILURES: Record<FailureKind, { state: AttemptState; event: string }> = {
  rejected: { state: 'rejected', event: 'failed' },
  throttled: { state: 'refused', event: 'retrying' },
  unavailable: { state: 'refused', event: 'retrying' },
  misconfigured: { state: 'refused', event: 'retrying' },
  ambiguous: { state: 'ambiguous', event: 'unconfirmed' },
};

/**
 * Writes down what a provider answered. Evidence that came meanwhile (a webhook) outranks the answer; writing the same
 * answer twice changes nothing.
 *
 * @param lastOfRound no other provider is tried before the next back-off.
 */
export async function recordOutcome(
  db: Db,
  id: AttemptId,
  result: SendResult,
  lastOfRound: boolean,
  catalogue: StatusCatalogue,
): Promise<Outcome> {
  return db.transaction().execute(async (trx) => {
    const email = await lockEmail(trx, id.emailId);
    if (!email) return { kind: 'ended', status: 'deleted' };
    if (result.kind === 'accepted') return markAccepted(trx, email, id, result.providerMessageId, catalogue);

    const { state, event } = FAILURES[result.kind];
    const closed = await closeAttempt(trx, id, state, result.code);
    if (!closed) return adopt(trx, id, result);
    await recordEvents(trx, email, [attemptEvent(id, event, { code: result.code })], catalogue);
    if (state === 'rejected') {
      await trx.deleteFrom('email_queue').where('email_id', '=', id.emailId).execute();
      return { kind: 'ended', status: 'failed', code: result.code };
    }
    if (state === 'ambiguous' || lastOfRound) await noteBackOff(trx, id.emailId);
    if (state === 'ambiguous') return { kind: 'ambiguous', code: result.code };
    return { kind: 'refused', code: result.code, retryAfterMs: result.retryAfterMs };
  });
}

async function markAccepted(
  trx: Trx,
  email: LockedEmail,
  id: AttemptId,
  providerMessageId: string,
  catalogue: StatusCatalogue,
  metadata: Record<string, unknown> = {},
): Promise<Outcome> {
  await trx
    .updateTable('send_attempts')
    .set({
      state: 'accepted',
      provider_message_id: providerMessageId,
      finished_at: sql<Date>`coalesce(finished_at, clock_timestamp())`,
    })
    .where(thisAttempt(id))
    .execute();
  const changes = handOverChanges(id.provider, providerMessageId, null);
  await recordEvents(trx, email, [attemptEvent(id, 'sent', metadata)], catalogue, changes);
  await noteHandedOver(trx, id.emailId);
  return { kind: 'accepted', provider: id.provider };
}

async function closeAttempt(trx: Trx, id: AttemptId, state: AttemptState, code: string): Promise<boolean> {
  const closed = await trx
    .updateTable('send_attempts')
    .set({ state, code, finished_at: state === 'ambiguous' ? null : sql<Date>`clock_timestamp()` })
    .where(thisAttempt(id))
    // From ambiguous too: an answer that comes after the call was given up is still an answer.
    .where('state', 'in', ['calling', 'ambiguous'])
    .returning('attempt')
    .executeTakeFirst();
  return closed !== undefined;
}

/** The attempt was closed before this answer came: what the record says stands. */
async function adopt(trx: Trx, id: AttemptId, result: Exclude<SendResult, { kind: 'accepted' }>): Promise<Outcome> {
  const { state, provider } = await trx
    .selectFrom('send_attempts')
    .select(['state', 'provider'])
    .where(thisAttempt(id))
    .executeTakeFirstOrThrow();
  if (state === 'accepted') return { kind: 'accepted', provider };
  if (state === 'rejected') return { kind: 'ended', status: 'failed', code: result.code };
  return { kind: 'refused', code: result.code, retryAfterMs: result.retryAfterMs };
}

/** What an ambiguous e-mail may do next. */
export interface OpenAttempt extends AttemptId {
  readonly state: 'calling' | 'ambiguous';
  readonly startedAt: Date;
  /** Time in which the call may still be going on. */
  readonly openMs: number;
  /** Time since the call began, and to the e-mail's deadline, by the database's clock. */
  readonly ageMs: number;
  readonly toDeadlineMs: number;
  /** How many attempts of this generation have been given up as unknown already. */
  readonly abandoned: number;
  readonly receiver: string;
}

/** What stands in the way of the next call of a generation, if anything. */
export async function findOpenAttempt(
  db: Db,
  emailId: string,
  generation: number,
): Promise<OpenAttempt | { state: 'accepted'; provider: ProviderName } | undefined> {
  const since = (from: string) =>
    sql<number>`ceil(extract(epoch from clock_timestamp() - ${sql.ref(from)}) * 1000)::int`;
  const rows = await db
    .selectFrom('send_attempts')
    .innerJoin('emails', 'emails.id', 'send_attempts.email_id')
    .select(['attempt', 'send_attempts.provider', 'state', 'started_at', 'receiver', openMs])
    .select([since('started_at').as('age_ms'), since('deadline_at').as('past_deadline_ms')])
    .where('emails.id', '=', emailId)
    .where('email_id', '=', emailId)
    .where('send_attempts.generation', '=', generation)
    .execute();
  const accepted = rows.find((row) => row.state === 'accepted');
  if (accepted) return { state: 'accepted', provider: accepted.provider };
  const open = rows.find((row) => row.state === 'calling' || row.state === 'ambiguous');
  if (!open) return undefined;
  return {
    emailId,
    generation,
    attempt: open.attempt,
    provider: open.provider,
    state: open.state as 'calling' | 'ambiguous',
    startedAt: open.started_at,
    openMs: open.open_ms,
    ageMs: open.age_ms,
    toDeadlineMs: -open.past_deadline_ms,
    abandoned: rows.filter((row) => row.state === 'abandoned').length,
    receiver: open.receiver,
  };
}

/** A call whose time is over without an answer: its outcome is unknown from now on. */
export async function markAmbiguous(db: Db, id: AttemptId, code: string, catalogue: StatusCatalogue): Promise<Outcome> {
  return recordOutcome(db, id, { kind: 'ambiguous', code }, false, catalogue);
}

/** The provider, asked, says that it has the message. */
export async function adoptLookUp(
  db: Db,
  id: AttemptId,
  providerMessageId: string,
  catalogue: StatusCatalogue,
): Promise<Outcome> {
  return db.transaction().execute(async (trx) => {
    const email = await lockEmail(trx, id.emailId);
    if (!email) return { kind: 'ended', status: 'deleted' };
    return markAccepted(trx, email, id, providerMessageId, catalogue, { found_by: 'look_up' });
  });
}

/**
 * Gives an attempt up as unknown, so that the e-mail may be sent again (a possible duplicate), or buries the e-mail.
 * Evidence that came meanwhile wins.
 */
export async function abandon(
  db: Db,
  id: AttemptId,
  then: 'send_again' | 'bury',
  catalogue: StatusCatalogue,
): Promise<Outcome> {
  return db.transaction().execute(async (trx) => {
    const email = await lockEmail(trx, id.emailId);
    if (!email) return { kind: 'ended', status: 'deleted' };
    const result = { kind: 'unavailable', code: 'ambiguous' } as const;
    if (!(await closeAttempt(trx, id, 'abandoned', result.code))) return adopt(trx, id, result);
    if (then === 'bury') return { kind: 'ended', status: await bury(trx, email, 'ambiguous', catalogue) };
    await recordEvents(trx, email, [attemptEvent(id, 'retrying', { possible_duplicate: true })], catalogue);
    return { kind: 'refused', code: result.code };
  });
}

/** The e-mail's workflow waits, for its next round or for evidence; it does not count as in flight meanwhile. */
async function noteBackOff(trx: Trx, emailId: string): Promise<void> {
  await trx
    .updateTable('email_queue')
    .set({ state: 'backing_off' })
    .where('email_id', '=', emailId)
    .where('state', '=', 'in_flight')
    .execute();
}

function attemptEvent(id: AttemptId, type: string, metadata: Record<string, unknown>) {
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
