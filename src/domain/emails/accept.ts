import { sql } from 'kysely';
import { addressOf } from '../../address.js';
import { QUEUE_CHANNEL } from '../../postgres/channels.js';
import type { Db } from '../../postgres/database.js';
import { later, type Trx, transact } from '../../postgres/transaction.js';
import type { Priority } from '../../priority.js';
import { type KeyState, keyStateOf } from '../clients/keys.js';
import { countSubmission, LimitReachedError } from '../clients/limits.js';
import { maySendAs } from '../clients/senders.js';
import { eventKey, toRow } from './event-rows.js';

/** An e-mail as a client submits it, validated. */
export interface Submission {
  readonly clientId: string;
  readonly priority: Priority;
  /** As submitted. */
  readonly sender: string;
  readonly receiver: string;
  /** Bare and in lower case. */
  readonly receiverAddress: string;
  readonly subject: string;
  readonly content: string;
  readonly contentType: 'text/plain' | 'text/html';
  readonly replyTo: string | null;
  readonly metadata: Record<string, unknown>;
  readonly tags: readonly string[];
  /** In the future; null: now. */
  readonly sendAt: Date | null;
  readonly deadlineMs: number;
  /** Already staged as chunks under `emailId`. */
  readonly attachment: StagedAttachment | null;
  readonly idempotency: Idempotency | null;
  /** The API key of who submits it: it must be valid still. Left out for what we write ourselves. */
  readonly keyId?: string;
  /** The e-mail that this one sends again: its attachment comes along, from the spool or by its place in storage. */
  readonly resendOf?: string;
  /** The e-mail that this one tells the failure of. */
  readonly noticeFor?: string;
}

export interface StagedAttachment {
  readonly emailId: string;
  readonly filename: string;
  readonly contentType: string;
  readonly sizeBytes: number;
  /** Hexadecimal. */
  readonly sha256: string;
}

export interface Idempotency {
  /** Whose the key is: of the client that asks, which is another one's than the e-mail when an operator does. */
  readonly clientId: string;
  readonly key: string;
  /** SHA-256 of everything submitted: the same key with another hash is another request. */
  readonly requestHash: Buffer;
}

/** What the client is told, and what a repeat of its request is told again. */
export interface Acceptance {
  readonly id: string;
  readonly status: string;
  readonly priority: Priority;
  /** RFC 3339, in milliseconds. */
  readonly createdAt: string;
  readonly deadlineAt: string;
}

/**
 * accepted: committed now. replayed: the same request was accepted before. in_flight: the same key is being accepted
 * at this moment. key_reused: the key was used for another request. limit_reached: the client has submitted what it may
 * of this priority today (UTC). key_lost: its API key was revoked, or its client disabled, while it was read.
 * sender_refused: the client may not send as this (bare) address.
 */
export type AcceptResult =
  | { readonly kind: 'accepted' | 'replayed'; readonly acceptance: Acceptance }
  | { readonly kind: 'in_flight' }
  | { readonly kind: 'key_reused' }
  | { readonly kind: 'limit_reached' }
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
    return await transact(db, (trx) => accept(trx, submission));
  } catch (error) {
    if (error instanceof LimitReachedError) return { kind: 'limit_reached' };
    if ((error as { constraint?: string }).constraint === 'idempotency_keys_pkey') return { kind: 'in_flight' };
    throw error;
  }
}

async function accept(trx: Trx, submission: Submission): Promise<AcceptResult> {
  const { clientId, idempotency } = submission;
  const start = await begin(trx, submission);
  if (submission.keyId && start.key_state !== 'valid') return { kind: 'key_lost', state: start.key_state ?? 'revoked' };
  if (!start.locked) return { kind: 'in_flight' };
  const earlier = idempotency && (await findEarlier(trx, idempotency));
  if (earlier) return earlier;
  // After the repeats: one that was accepted while it was allowed is answered as it was.
  if (start.may_send === false) {
    return { kind: 'sender_refused', clientId, sender: addressOf(submission.sender) };
  }
  const acceptance = await insertEmail(trx, submission, start.id, start.now);
  await countSubmission(trx, clientId, submission.priority);
  return { kind: 'accepted', acceptance };
}

/** The e-mail's id and time of acceptance by the database's clock, and the idempotency key to ourselves. */
async function begin(trx: Trx, { keyId, idempotency, attachment, clientId, sender }: Submission) {
  const lock = idempotency
    ? sql<boolean>`pg_try_advisory_xact_lock(hashtextextended(${`${idempotency.clientId}/${idempotency.key}`}, 0))`
    : sql<boolean>`true`;
  const keyState = keyId ? keyStateOf(keyId) : sql<null>`null`;
  // What we write ourselves comes from an address of our own.
  const maySend = keyId ? maySendAs(clientId, addressOf(sender)) : sql<null>`null`;
  // Milliseconds, so that every answer that shows the time shows the same one.
  const { rows } = await sql<{
    locked: boolean;
    key_state: KeyState | null;
    may_send: boolean | null;
    id: string;
    now: Date;
  }>`
    select ${lock} as locked, ${keyState} as key_state, ${maySend} as may_send, coalesce(${attachment?.emailId ?? null}::uuid, uuidv7()) as id,
      date_trunc('milliseconds', clock_timestamp()) as now`.execute(trx);
  return rows[0]!;
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

/** Writes an e-mail with all that belongs to it, and has the dispatchers told at the commit. */
export async function insertEmail(trx: Trx, submission: Submission, id: string, now: Date): Promise<Acceptance> {
  const { clientId, priority, attachment, idempotency, resendOf } = submission;
  const status = submission.sendAt ? 'scheduled' : 'queued';
  const dueAt = submission.sendAt ?? now;
  const deadlineAt = new Date(dueAt.getTime() + submission.deadlineMs);
  const acceptance: Acceptance = {
    id,
    status,
    priority,
    createdAt: now.toISOString(),
    deadlineAt: deadlineAt.toISOString(),
  };
  const key = eventKey.ofGeneration(status, 1);
  let statement = trx
    .with('email', (cte) =>
      cte.insertInto('emails').values({
        id,
        client_id: clientId,
        priority,
        sender: submission.sender,
        receiver: submission.receiver,
        receiver_address: submission.receiverAddress,
        subject: submission.subject,
        content: submission.content,
        content_type: submission.contentType,
        reply_to: submission.replyTo,
        metadata: JSON.stringify(submission.metadata),
        tags: [...submission.tags],
        status,
        created_at: now,
        due_at: dueAt,
        deadline_at: deadlineAt,
        resend_of: resendOf ?? null,
        notice_for: submission.noticeFor ?? null,
      }),
    )
    .with('event', (cte) =>
      cte
        .insertInto('email_events')
        .values(toRow(id, { key, type: status, generation: 1, attempt: null, occurredAt: now })),
    )
    .with('queue', (cte) =>
      cte.insertInto('email_queue').values({ email_id: id, priority, generation: 1, state: 'waiting', due_at: dueAt }),
    );
  if (attachment) {
    statement = statement.with('attachment', (cte) =>
      cte.insertInto('attachments').values({
        email_id: id,
        filename: attachment.filename,
        content_type: attachment.contentType,
        size_bytes: attachment.sizeBytes,
        sha256: attachment.sha256,
      }),
    );
  }
  // In one statement, so in one snapshot: an upload that drops the spool meanwhile is seen not at all or whole.
  if (resendOf) {
    statement = statement
      .with('attachment', (cte) =>
        cte
          .insertInto('attachments')
          .columns(['email_id', 'filename', 'content_type', 'size_bytes', 'sha256', 'storage_path', 'stored_at'])
          .expression((eb) =>
            eb
              .selectFrom('attachments')
              .select(sql<string>`${id}::uuid`.as('email_id'))
              .select(['filename', 'content_type', 'size_bytes', 'sha256', 'storage_path', 'stored_at'])
              .where('email_id', '=', resendOf),
          ),
      )
      .with('chunks', (cte) =>
        cte
          .insertInto('attachment_chunks')
          .columns(['email_id', 'seq', 'data'])
          .expression((eb) =>
            eb
              .selectFrom('attachment_chunks')
              .select([sql<string>`${id}::uuid`.as('email_id'), 'seq', 'data'])
              .where('email_id', '=', resendOf),
          ),
      );
  }
  if (idempotency) {
    // The primary key is the guarantee; the lock only spares the second of two equal requests the wait.
    statement = statement.with('idempotency', (cte) =>
      cte.insertInto('idempotency_keys').values({
        client_id: idempotency.clientId,
        key: idempotency.key,
        request_hash: idempotency.requestHash,
        email_id: id,
        response: JSON.stringify(acceptance),
      }),
    );
  }
  await later(trx, statement.selectNoFrom(sql`pg_notify(${QUEUE_CHANNEL}, ${priority})`.as('notified')).execute());
  return acceptance;
}
