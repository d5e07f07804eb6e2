import { type QueryCreator, sql } from 'kysely';
import { QUEUE_CHANNEL } from '../../postgres/channels.js';
import type { Database } from '../../postgres/schema.js';
import { later, type Trx } from '../../postgres/transaction.js';
import { eventKey, rowOf, toRow } from './event-rows.js';
import type { Acceptance, Idempotency, StagedAttachment, Submission } from './submission.js';

/** A statement that begins with insertions, and to which more are added. */
type Insertions = QueryCreator<Database>;

/**
 * Writes an e-mail with all that belongs to it, in one statement, and has the dispatchers notified at the commit.
 *
 * @param now the time of its acceptance, by the database's clock.
 * @param holdId the hold that keeps it from being sent; one with a time ahead is held when that has come.
 */
export async function insertEmail(
  trx: Trx,
  submission: Submission,
  id: string,
  now: Date,
  holdId: string | null = null,
): Promise<Acceptance> {
  const { priority, attachment, idempotency, resendOf } = submission;
  const dueAt = submission.sendAt ?? now;
  const acceptance: Acceptance = {
    id,
    status: submission.sendAt ? 'scheduled' : 'queued',
    priority,
    createdAt: now.toISOString(),
    deadlineAt: new Date(dueAt.getTime() + submission.deadlineMs).toISOString(),
  };
  let statement = withEmail(trx, submission, acceptance, dueAt, submission.sendAt ? null : holdId);
  if (attachment) statement = withAttachment(statement, id, attachment);
  if (resendOf) statement = withAttachmentOf(statement, id, resendOf);
  if (idempotency) statement = withAnswer(statement, idempotency, acceptance);
  await later(trx, statement.selectNoFrom(sql`pg_notify(${QUEUE_CHANNEL}, ${priority})`.as('notified')).execute());
  return acceptance;
}

/** The e-mail, its first event, and its queue entry. */
function withEmail(
  trx: Trx,
  submission: Submission,
  { id, status, createdAt, deadlineAt }: Acceptance,
  dueAt: Date,
  holdId: string | null,
): Insertions {
  const { priority } = submission;
  const now = new Date(createdAt);
  const event = { key: eventKey.ofGeneration(status, 1), type: status, generation: 1, attempt: null, occurredAt: now };
  return trx
    .with('email', (cte) =>
      cte.insertInto('emails').values({
        id,
        client_id: submission.clientId,
        priority,
        sender: submission.sender,
        receiver: submission.receiver,
        receiver_address: submission.receiverAddress,
        subject: submission.subject,
        content: submission.content,
        content_type: submission.contentType,
        alternative: submission.alternative ?? null,
        headers: submission.headers ? JSON.stringify(submission.headers) : null,
        track_opens: trackOpensOf(submission),
        reply_to: submission.replyTo,
        metadata: JSON.stringify(submission.metadata),
        tags: [...submission.tags],
        status,
        created_at: now,
        due_at: dueAt,
        deadline_at: new Date(deadlineAt),
        resend_of: submission.resendOf ?? null,
        notice_for: submission.noticeFor ?? null,
        traceparent: submission.traceparent ?? null,
      }),
    )
    .with('event', (cte) => cte.insertInto('email_events').values(rowOf(toRow(id, event))))
    .with('queue', (cte) =>
      cte.insertInto('email_queue').values({
        ...{ email_id: id, priority, generation: 1, due_at: dueAt },
        ...{ state: holdId ? 'held' : 'waiting', hold_id: holdId },
      }),
    );
}

/** The column `track_opens`: null where opens are tracked, as they mostly are. */
function trackOpensOf({ trackOpens, clientId }: Submission) {
  if (trackOpens === true) return null;
  if (trackOpens === false) return false;
  return sql<boolean | null>`(select nullif(track_opens, true) from clients where id = ${clientId})`;
}

/** The attachment that waits in the spool. */
function withAttachment(statement: Insertions, id: string, attachment: StagedAttachment): Insertions {
  return statement.with('attachment', (cte) =>
    cte.insertInto('attachments').values({
      email_id: id,
      filename: attachment.filename,
      content_type: attachment.contentType,
      size_bytes: attachment.sizeBytes,
      sha256: attachment.sha256,
    }),
  );
}

/** The attachment of another e-mail. In one statement, so in one snapshot: an upload drops the spool before it or after. */
function withAttachmentOf(statement: Insertions, id: string, other: string): Insertions {
  return statement
    .with('attachment', (cte) =>
      cte
        .insertInto('attachments')
        .columns(['email_id', 'filename', 'content_type', 'size_bytes', 'sha256', 'storage_path', 'stored_at'])
        .expression((eb) =>
          eb
            .selectFrom('attachments')
            .select(sql<string>`${id}::uuid`.as('email_id'))
            .select(['filename', 'content_type', 'size_bytes', 'sha256', 'storage_path', 'stored_at'])
            .where('email_id', '=', other),
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
            .where('email_id', '=', other),
        ),
    );
}

/** Stores the answer for a repeat of the request. The primary key is the guarantee; the lock only saves a repeat the wait. */
function withAnswer(
  statement: Insertions,
  { clientId, key, requestHash }: Idempotency,
  answer: Acceptance,
): Insertions {
  return statement.with('idempotency', (cte) =>
    cte.insertInto('idempotency_keys').values({
      client_id: clientId,
      key,
      request_hash: requestHash,
      email_id: answer.id,
      response: JSON.stringify(answer),
    }),
  );
}
