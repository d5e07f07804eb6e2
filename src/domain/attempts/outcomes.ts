import { domainOf } from '../../address.js';
import type { ProviderName } from '../../config.js';
import type { Db } from '../../postgres/database.js';
import type { AttemptState } from '../../postgres/schema.js';
import { type Trx, transact } from '../../postgres/transaction.js';
import type { Accepted, Failed, FailureKind, SendResult } from '../../providers/provider.js';
import { type LockedEmail, lockEmail } from '../emails/events.js';
import type { StatusCatalogue } from '../emails/statuses.js';
import { blockSenderDomain, noteFailure, noteSuccess } from '../provider-health/breaker.js';
import { removeEntry } from '../queue/entry.js';
import { suppressReceiver } from '../suppressions/suppressions.js';
import { recordEvents } from '../transitions/record.js';
import { turnedElsewhere } from './listed.js';
import {
  type AttemptId,
  adopt,
  attemptEvent,
  closeAttempt,
  markAccepted,
  noteBackOff,
  type Outcome,
  readAttempt,
  recordUnknownOutcome,
} from './transitions.js';

/** What a provider answered, with what is needed to write it down. */
export interface Answer {
  readonly result: SendResult;
  /** No other provider is tried before the next back-off. */
  readonly lastOfRound: boolean;
  /** See `Permission`. */
  readonly noted: boolean;
  /** The other providers that are set up; left out by a release that did not ask. */
  readonly others?: readonly ProviderName[];
}

/** How long a provider is left alone that queues what it takes. */
const QUEUED_THERE_MS = 5 * 60_000;

/** How an attempt is closed by each kind of failure. */
const CLOSED_AS: Record<FailureKind, AttemptState> = {
  rejected: 'rejected',
  throttled: 'refused',
  unavailable: 'refused',
  misconfigured: 'refused',
  ambiguous: 'ambiguous',
};

/**
 * Writes down what a provider answered. Evidence that came meanwhile (a webhook) outranks the answer; writing the same
 * answer twice changes nothing.
 */
export async function recordOutcome(
  db: Db,
  id: AttemptId,
  answer: Answer,
  catalogue: StatusCatalogue,
): Promise<Outcome> {
  const { result } = answer;
  return transact(db, async (trx) => {
    const email = await lockEmail(trx, id.emailId);
    if (!email) return { kind: 'ended', status: 'deleted' };
    if (result.kind === 'accepted') {
      const outcome = await markAccepted(trx, email, id, result.providerMessageId, catalogue);
      await noteTaken(trx, id, result, answer.noted);
      return outcome;
    }
    const failed = (await turnedElsewhere(trx, email, id, result, answer.others ?? [])) ?? result;
    // Done even if the outcome is known already: only the answer may say why the address is listed.
    if (result.listed) await suppressReceiver(trx, id.emailId, id.generation, result.listed);
    const closed = await closeAttempt(trx, id, CLOSED_AS[failed.kind], failed.code);
    if (!closed) return adopt(trx, id, failed);
    const outcome = await noteFailed(trx, email, id, failed, answer.lastOfRound, catalogue);
    await noteTrouble(trx, id, failed, closed.started_at);
    return outcome;
  });
}

async function noteFailed(
  trx: Trx,
  email: LockedEmail,
  id: AttemptId,
  { kind, code, retryAfterMs }: Failed,
  lastOfRound: boolean,
  catalogue: StatusCatalogue,
): Promise<Outcome> {
  if (kind === 'ambiguous') return recordUnknownOutcome(trx, email, id, code, catalogue);
  const type = kind === 'rejected' ? 'failed' : 'retrying';
  await recordEvents(trx, email, [attemptEvent(id, type, { code })], catalogue);
  if (kind === 'rejected') {
    await removeEntry(trx, id.emailId, id.generation);
    return { kind: 'ended', status: 'failed', code };
  }
  if (lastOfRound) await noteBackOff(trx, id);
  return { kind: 'refused', code, retryAfterMs };
}

/** Notes what a failure says of the provider. Called last in its transaction: all calls of the provider share the row. */
async function noteTrouble(trx: Trx, { provider, emailId }: AttemptId, failed: Failed, startedAt: Date): Promise<void> {
  const { kind, code, scope } = failed;
  if (kind === 'rejected' || scope === 'message') return;
  if (scope !== 'sender_domain') return noteFailure(trx, provider, { ...failed, kind, startedAt });
  const { sender } = await trx
    .selectFrom('emails')
    .select('sender')
    .where('id', '=', emailId)
    .executeTakeFirstOrThrow();
  return blockSenderDomain(trx, provider, domainOf(sender), code);
}

/** Notes what a success says of the provider: nothing while all is well. Called last in its transaction, like `noteTrouble`. */
async function noteTaken(trx: Trx, id: AttemptId, { note }: Accepted, noted: boolean): Promise<void> {
  if (!note && !noted) return;
  const { started_at: startedAt } = await readAttempt(trx, id);
  if (!note) return noteSuccess(trx, id.provider, startedAt);
  // The provider took it but will not send it soon: the next e-mails should go elsewhere.
  const trouble = { kind: 'throttled', code: note, retryAfterMs: QUEUED_THERE_MS, startedAt } as const;
  return noteFailure(trx, id.provider, trouble);
}

/** A try that was not admitted anywhere: the e-mail waits, without an attempt. */
export async function noteNotAdmitted(db: Db, id: Pick<AttemptId, 'emailId' | 'generation'>): Promise<void> {
  await transact(db, (trx) => noteBackOff(trx, id));
}
