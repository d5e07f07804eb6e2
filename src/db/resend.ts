import type { PerPriority } from '../priority.js';
import { type AcceptResult, acceptEmail, type Idempotency } from './accept.js';
import type { Db } from './database.js';

/**
 * Sends an e-mail again, on purpose: a new e-mail with the same content and attachment that names the old one, whatever
 * became of that.
 *
 * @param clientId whose the e-mail has to be; the new one belongs to the same client.
 * @returns undefined when there is no such e-mail of the client's.
 */
export async function resendEmail(
  db: Db,
  clientId: string,
  emailId: string,
  options: { readonly deadlineMs: PerPriority<number>; readonly idempotency: Idempotency | null },
): Promise<AcceptResult | undefined> {
  const email = await db
    .selectFrom('emails')
    .select(['priority', 'sender', 'receiver', 'receiver_address', 'subject', 'content', 'content_type'])
    .select(['reply_to', 'metadata', 'tags', 'notice_for'])
    .where('id', '=', emailId)
    .where('client_id', '=', clientId)
    .executeTakeFirst();
  if (!email) return undefined;
  return acceptEmail(db, {
    clientId,
    priority: email.priority,
    sender: email.sender,
    receiver: email.receiver,
    receiverAddress: email.receiver_address,
    subject: email.subject,
    content: email.content,
    contentType: email.content_type,
    replyTo: email.reply_to,
    metadata: email.metadata,
    tags: email.tags,
    sendAt: null,
    deadlineMs: options.deadlineMs[email.priority],
    attachment: null,
    idempotency: options.idempotency,
    resendOf: emailId,
    // Stays what it is: a notice that fails is told to nobody.
    noticeFor: email.notice_for ?? undefined,
  });
}
