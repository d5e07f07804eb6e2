import { sql } from 'kysely';
import { addressOf, domainOf } from '../../address.js';
import type { Db } from '../../postgres/database.js';
import { later, type Trx, transact } from '../../postgres/transaction.js';
import { type KeyState, keyStateOf } from '../clients/keys.js';
import { countSubmission, hasReachedLimit, LimitReachedError } from '../clients/limits.js';
import { maySendAs } from '../clients/senders.js';
import { activeHoldOf } from '../holds/match.js';
import { insertEmail } from './insert.js';
import type { Acceptance, Idempotency, Submission } from './submission.js';

export type { Acceptance, Idempotency, StagedAttachment, Submission } from './submission.js';

/**
 * accepted: committed now. replayed: the same request was accepted before. key_in_flight: the same key is being accepted
 * at this moment. key_reused: the key was used for another request. limit_reached: the client has submitted what it may
 * of this priority today (UTC). key_lost: its API key was revoked, or its client disabled, while it was read.
 * held: a hold refuses such submissions. original_removed: the content of the e-mail that was to be sent again, or all of
 * it, has been removed. sender_refused: the client may not send as this (bare) address.
 */
export type AcceptResult =
  | { readonly kind: 'accepted' | 'replayed'; readonly acceptance: Acceptance }
  | { readonly kind: 'key_in_flight' }
  | { readonly kind: 'key_reused' }
  | { readonly kind: 'limit_reached' }
  | { readonly kind: 'held' }
  | { readonly kind: 'original_removed' }
  | { readonly kind: 'key_lost'; readonly state: Exclude<KeyState, 'valid'> }
  | { readonly kind: 'sender_refused'; readonly clientId: string; readonly sender: string };

/**
 * Makes a submission an e-mail, in one short transaction: when this resolves to `accepted`, it is committed.
 *
 * @throws what the database throws. The outcome is then unknown: the commit may have happened, so nothing that
 *   belongs to the e-mail may be removed.
 */
export async function acceptEmail(db: Db, submission: Submission): Promise<AcceptResult> {
  try {
    return await transact(db, (trx) => accept(trx, submission, !db.isTransaction));
  } catch (error) {
    if (error instanceof LimitReachedError) return { kind: 'limit_reached' };
    if ((error as { constraint?: string }).constraint === 'idempotency_keys_pkey') return { kind: 'key_in_flight' };
    throw error;
  }
}

/** @param isWhole whether the transaction ends with it, so that its last statements travel with the commit. */
async function accept(trx: Trx, submission: Submission, isWhole: boolean): Promise<AcceptResult> {
  const { clientId, idempotency } = submission;
  const start = await begin(trx, submission);
  if (submission.keyId && start.key_state !== 'valid') return { kind: 'key_lost', state: start.key_state ?? 'revoked' };
  if (!start.locked) return { kind: 'key_in_flight' };
  const earlier = idempotency && (await findEarlier(trx, idempotency));
  if (earlier) return earlier;
  // Checked after repeats: a request that was accepted while it was allowed is answered as before.
  if (start.may_send === false) {
    return { kind: 'sender_refused', clientId, sender: addressOf(submission.sender) };
  }
  if (start.hold_rejects && submission.keyId) return { kind: 'held' };
  if (start.limit_reached) return { kind: 'limit_reached' };
  const { resendOf } = submission;
  if (resendOf && !(await keepOriginal(trx, resendOf))) return { kind: 'original_removed' };
  const acceptance = await insertEmail(trx, submission, start.id, start.now, start.hold_id);
  const counted = countSubmission(trx, clientId, submission.priority);
  await (isWhole ? later(trx, counted) : counted);
  return { kind: 'accepted', acceptance };
}

/** The e-mail's id and time of acceptance by the database's clock, and the idempotency key to ourselves. */
async function begin(trx: Trx, submission: Submission) {
  const { keyId, idempotency, attachment, clientId, priority, tags, sender, receiverAddress } = submission;
  const lock = idempotency
    ? sql<boolean>`pg_try_advisory_xact_lock(hashtextextended(${`${idempotency.clientId}/${idempotency.key}`}, 0))`
    : sql<boolean>`true`;
  const keyState = keyId ? keyStateOf(keyId) : sql<null>`null`;
  // Notices, which we write ourselves, come from an address of our own.
  const maySend = keyId ? maySendAs(clientId, addressOf(sender)) : sql<null>`null`;
  const domains = { senderDomain: domainOf(sender), receiverDomain: domainOf(receiverAddress) };
  const hold = activeHoldOf({ clientId, priority, tags, ...domains });
  // Milliseconds, so that every answer that shows the time shows the same one.
  const { rows } = await sql<{
    locked: boolean;
    key_state: KeyState | null;
    may_send: boolean | null;
    limit_reached: boolean | null;
    hold_id: string | null;
    hold_rejects: boolean | null;
    id: string;
    now: Date;
  }>`
    select ${lock} as locked, ${keyState} as key_state, ${maySend} as may_send,
      ${hasReachedLimit(clientId, priority)} as limit_reached, coalesce(${attachment?.emailId ?? null}::uuid, uuidv7()) as id,
      date_trunc('milliseconds', clock_timestamp()) as now, active.id as hold_id, active.reject as hold_rejects
    from (values (1)) as one left join lateral (${hold}) active on true`.execute(trx);
  return rows[0]!;
}

/** Keeps an e-mail's attachment from being removed until it has been copied. @returns false when it is gone. */
async function keepOriginal(trx: Trx, emailId: string): Promise<boolean> {
  const original = await trx
    .selectFrom('emails')
    .select('content_removed_at')
    .where('id', '=', emailId)
    .forShare()
    .executeTakeFirst();
  return original?.content_removed_at === null;
}

/** What was answered before under this key. Its own statement: only so does it see what was committed before the lock. */
async function findEarlier(trx: Trx, { clientId, key, requestHash }: Idempotency) {
  const row = await trx
    .selectFrom('idempotency_keys')
    .select(['request_hash', 'response'])
    .where('client_id', '=', clientId)
    .where('key', '=', key)
    .executeTakeFirst();
  if (!row) return undefined;
  if (!row.request_hash.equals(requestHash)) return { kind: 'key_reused' } as const;
  return { kind: 'replayed', acceptance: row.response as unknown as Acceptance } as const;
}
