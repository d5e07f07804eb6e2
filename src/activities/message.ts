import { createHash } from 'node:crypto';
import { encodeWords } from 'nodemailer/lib/mime-funcs';
import type { SendableEmail } from '../domain/attempts/permission.js';
import { type AttachmentRow, loadAttachment } from '../domain/emails/attachments.js';
import { bodiesOf } from '../domain/emails/bodies.js';
import { unsubscribePath } from '../domain/tracking/unsubscribe-link.js';
import type { OutgoingMessage } from '../providers/provider.js';
import type { ActivityDependencies } from './dependencies.js';

interface LoadedAttachment extends AttachmentRow {
  readonly bytes: Buffer;
}

/**
 * Reads an e-mail's attachment, from the spool or from object storage, and checks it before anything is sent.
 *
 * @throws when it cannot be read now, or is not what was accepted; the activity is tried again.
 */
export async function readAttachment(
  { db, store }: Pick<ActivityDependencies, 'db' | 'store'>,
  emailId: string,
): Promise<LoadedAttachment | null> {
  const attachment = await loadAttachment(db, emailId);
  if (!attachment) return null;
  const bytes = attachment.spooled ?? (attachment.storagePath && (await store.get(attachment.storagePath, attachment)));
  if (!bytes) throw new Error('the attachment is neither in the spool nor stored');
  if (createHash('sha256').update(bytes).digest('hex') !== attachment.sha256) {
    throw new Error('the attachment differs from what was accepted');
  }
  return { ...attachment, bytes };
}

/** The Message-ID that all attempts of a generation carry, with angle brackets: receivers can drop a duplicate by it. */
export const messageIdOf = (emailId: string, generation: number, domain: string) =>
  `<${emailId}.${generation}@${domain}>`;

/** Puts a message together for a provider. */
export function composeMessage(
  config: Pick<ActivityDependencies['config'], 'messageIdDomain' | 'publicUrl'>,
  email: SendableEmail,
  try_: { readonly generation: number; readonly attempt: number },
  attachment: LoadedAttachment | null,
): OutgoingMessage {
  const { text, html } = bodiesOf(email);
  const trackOpens = email.track_opens ?? true;
  return {
    emailId: email.id,
    generation: try_.generation,
    attempt: try_.attempt,
    messageId: messageIdOf(email.id, try_.generation, config.messageIdDomain),
    sender: email.sender,
    receiver: email.receiver,
    replyTo: email.reply_to,
    subject: email.subject,
    headers: headersOf(config.publicUrl, email, try_.generation),
    text,
    html: trackOpens ? withPixel(html, config.publicUrl, email.id) : html,
    trackOpens,
    tags: email.tags,
    priority: email.priority,
    attachment,
  };
}

/** The client's headers, in ASCII, and ours, which stand in the place of any of the same name. */
function headersOf(publicUrl: string, email: SendableEmail, generation: number): Record<string, string> {
  const ours = ownHeaders(publicUrl, email, generation);
  const taken = new Set(Object.keys(ours).map((name) => name.toLowerCase()));
  const theirs = Object.entries(email.headers ?? {}).filter(([name]) => !taken.has(name.toLowerCase()));
  // Encoded here (RFC 2047), so that the encoding is the same at every provider.
  return { ...Object.fromEntries(theirs.map(([name, value]) => [name, encodeWords(value, 'Q', 52)])), ...ours };
}

function ownHeaders(publicUrl: string, email: SendableEmail, generation: number): Record<string, string> {
  const { id, notice_for, unsubscribe_key } = email;
  // RFC 3834: whoever answers mail by itself does not answer this one.
  if (notice_for) return { 'Auto-Submitted': 'auto-generated' };
  // RFC 8058, for bulk only: nobody unsubscribes from a password reset.
  if (!unsubscribe_key) return {};
  return {
    'List-Unsubscribe': `<${publicUrl}/unsubscribe/${unsubscribePath(unsubscribe_key, id, generation)}>`,
    'List-Unsubscribe-Post': 'List-Unsubscribe=One-Click',
  };
}

/** Adds the pixel at the end of the body, so that it is the last thing a reader loads. */
function withPixel(html: string, publicUrl: string, emailId: string): string {
  const pixel = `<img src="${publicUrl}/api/email/${emailId}/open" width="1" height="1" alt="">`;
  // Searched in the text as it is: in lower case some letters are longer, and the place would differ.
  const end = [...html.matchAll(/<\/body>/gi)].at(-1)?.index;
  return end === undefined ? html + pixel : html.slice(0, end) + pixel + html.slice(end);
}
