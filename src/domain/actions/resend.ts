import type { Db } from '../../postgres/database.js';
import type { PerPriority } from '../../priority.js';
import { type AcceptResult, acceptEmail, type Idempotency } from '../emails/accept.js';

interface ResendOptions {
  readonly deadlineMs: PerPriority<number>;
  readonly idempotency: Idempotency | null;
  /** The API key of who asks. */
  readonly keyId: string;
}

/**
 * Sends an e-mail again on purpose. It makes a new e-mail with the same content and attachment, which names the old one.
 * What became of the old one does not matter. The new one belongs to the same client and counts against its limits.
 *
 * @param clientId whose the e-mail has to be; null for anyone's.
 * @returns undefined when there is no such e-mail.
 */
export async function resendEmail(
  db: Db,
  clientId: string | null,
  emailId: string,
  options: ResendOptions,
): Promise<AcceptResult | undefined> {
  const email = await db
    .selectFrom('emails')
    .select(['client_id', 'priority', 'sender', 'receiver', 'receiver_address', 'subject', 'content', 'content_type'])
    .select([
      'alternative',
      'reply_to',
      'metadata',
      'tags',
      'headers',
      'track_opens',
      'notice_for',
      'content_removed_at',
    ])
    .where('id', '=', emailId)
    .executeTakeFirst();
  if (!email || (clientId && email.client_id !== clientId)) return undefined;
  return acceptEmail(db, {
    clientId: email.client_id,
    priority: email.priority,
    sender: email.sender,
    receiver: email.receiver,
    receiverAddress: email.receiver_address,
    subject: email.subject,
    content: email.content,
    contentType: email.content_type,
    alternative: email.alternative,
    replyTo: email.reply_to,
    metadata: email.metadata,
    tags: email.tags,
    headers: email.headers,
    // What it was sent with, whatever its client has now.
    trackOpens: email.track_opens ?? true,
    sendAt: null,
    deadlineMs: options.deadlineMs[email.priority],
    attachment: null,
    idempotency: options.idempotency,
    keyId: options.keyId,
    resendOf: emailId,
    // Stays what it is: a notice that fails is told to nobody.
    noticeFor: email.notice_for ?? undefined,
  });
}
