import { createTransport } from 'nodemailer';
import type { Submission } from '../message.js';

const composer = createTransport({ streamTransport: true, buffer: true, newline: 'windows' });

/** The address in `Name <address>` or in a bare address; null when there is none. */
export function addressOf(text: string): string | null {
  const address = (/<([^<>]*)>\s*$/.exec(text)?.[1] ?? text).trim();
  return /^[^\s@<>,;:"]+@[^\s@<>,;:"]+$/.test(address) ? address : null;
}

/** The mail as it goes to the receiver, with the provider's own pixel at the end of its HTML when opens are tracked. */
export async function composeMail(submission: Submission, pixelUrl: string): Promise<Buffer> {
  const { html } = submission;
  const info = await composer.sendMail({
    from: submission.sender,
    to: submission.receiver,
    subject: submission.subject,
    messageId: submission.messageIdHeader,
    headers: { ...submission.headers },
    text: submission.text ?? undefined,
    html: html === null ? undefined : submission.trackOpens ? withPixel(html, pixelUrl) : html,
    attachments: submission.attachments.map((attachment) => ({
      filename: attachment.filename,
      contentType: attachment.contentType,
      content: attachment.bytes,
    })),
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  return info.message as Buffer;
}

function withPixel(html: string, pixelUrl: string): string {
  const pixel = `<img src="${pixelUrl}" width="1" height="1" alt="">`;
  const end = html.search(/<\/body>/i);
  return end === -1 ? html + pixel : html.slice(0, end) + pixel + html.slice(end);
}

/** How large the mail is once attachments are base64 in lines of 76: what the providers' size limits count. */
export function mailSizeBytes(submission: Submission): number {
  const content = Buffer.byteLength(submission.text ?? '') + Buffer.byteLength(submission.html ?? '');
  const attached = submission.attachments.reduce((sum, { bytes }) => sum + Math.ceil((bytes.length / 57) * 78), 0);
  return content + attached;
}
