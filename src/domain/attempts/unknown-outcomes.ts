import { sql } from 'kysely';
import type { ProviderName } from '../../config.js';
import { count } from '../../postgres/counters.js';
import type { Db } from '../../postgres/database.js';
import { transact } from '../../postgres/transaction.js';
import { bury } from '../dead-letters/dead-letters.js';
import { lockEmail } from '../emails/events.js';
import type { StatusCatalogue } from '../emails/statuses.js';
import { enqueueSignal } from '../signals/outbox.js';
import { recordEvents } from '../transitions/record.js';
import type { SoughtAttempt } from './look-ups.js';
import { openMs } from './permission.js';
import {
  type AttemptId,
  adopt,
  attemptEvent,
  closeAttempt,
  markAccepted,
  type Outcome,
  readAttempt,
  recordUnknownOutcome,
} from './transitions.js';

/** An attempt whose outcome is unknown, or whose call may still be going on. */
export interface OpenAttempt extends SoughtAttempt {
  readonly state: 'calling' | 'ambiguous';
  /** Time in which the call may still be going on. */
  readonly openMs: number;
  /** Time since the call began, and to the e-mail's deadline, by the database's clock. */
  readonly ageMs: number;
  readonly toDeadlineMs: number;
  /** How many attempts of this generation have been given up as unknown already. */
  readonly abandoned: number;
}

/** Finds the attempt that keeps a generation from its next call. @returns undefined when there is none. */
export async function findOpenAttempt(
  db: Db,
  emailId: string,
  generation: number,
): Promise<OpenAttempt | { state: 'accepted'; provider: ProviderName } | undefined> {
  const since = (from: string) =>
    sql<number>`ceil(extract(epoch from clock_timestamp() - ${sql.ref(from)}) * 1000)::float8`;
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
    providerMessageId: null,
  };
}

/**
 * Marks the outcome of a call as unknown: its time is over and its caller is gone. The provider is not blamed, since the
 * caller may have died.
 */
export async function markOutcomeUnknown(
  db: Db,
  id: AttemptId,
  code: string,
  catalogue: StatusCatalogue,
): Promise<Outcome> {
  const result = { kind: 'ambiguous', code } as const;
  return transact(db, async (trx) => {
    const email = await lockEmail(trx, id.emailId);
    if (!email) return { kind: 'ended', status: 'deleted' };
    if (!(await closeAttempt(trx, id, 'ambiguous', code))) return adopt(trx, id, result);
    return recordUnknownOutcome(trx, email, id, code, catalogue);
  });
}

/**
 * Adopts a look-up by which the provider has the message, also if the attempt was given up during the look-up.
 *
 * @param notify leave a signal for the e-mail's workflow: it was another one that asked.
 */
export async function adoptLookUp(
  db: Db,
  id: AttemptId,
  providerMessageId: string,
  catalogue: StatusCatalogue,
  { notify = false } = {},
): Promise<Outcome> {
  return transact(db, async (trx) => {
    const email = await lockEmail(trx, id.emailId);
    if (!email) return { kind: 'ended', status: 'deleted' };
    const { state } = await readAttempt(trx, id);
    if (state === 'accepted') return { kind: 'accepted', provider: id.provider };
    if (state === 'ambiguous') await count(trx, 'adopted_attempts', id.provider);
    const outcome = await markAccepted(trx, email, id, providerMessageId, catalogue, { found_by: 'look_up' });
    if (notify) await enqueueSignal(trx, id.emailId, 'evidence');
    return outcome;
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
  return transact(db, async (trx) => {
    const email = await lockEmail(trx, id.emailId);
    if (!email) return { kind: 'ended', status: 'deleted' };
    const result = { kind: 'unavailable', code: 'ambiguous' } as const;
    if (!(await closeAttempt(trx, id, 'abandoned', result.code))) return adopt(trx, id, result);
    if (then === 'bury') {
      // An operator's retry may have begun another generation meanwhile, and this attempt must not bury that.
      const current = email.generation === id.generation;
      return { kind: 'ended', status: current ? await bury(trx, email, 'ambiguous', catalogue) : email.status };
    }
    await count(trx, 'repeated_sends', id.provider);
    await recordEvents(trx, email, [attemptEvent(id, 'retrying', { possible_duplicate: true })], catalogue);
    return { kind: 'refused', code: result.code };
  });
}
