import type { IncomingMessage } from 'node:http';
import { Problem } from '../http/problem.js';
import { NotUnderstoodError } from './normalise.js';

/** How much of a body that is too large is read and thrown away, so that its sender gets to see the answer. */
const MAX_DISCARDED_BYTES = 32 * 1024 * 1024;

/** All bodies that are being read at one moment; whoever sends them is not known yet, so they must not fill the memory. */
const BUDGET_BYTES = 256 * 1024 * 1024;
let heldBytes = 0;

/**
 * Reads a body whole.
 *
 * @throws Problem 413 when it is larger than `limitBytes` (nothing beyond it was kept); 400 when it ends half-way; 503
 *   when too much is being read already.
 */
export async function readBody(
  request: IncomingMessage,
  limitBytes: number,
  budgetBytes = BUDGET_BYTES,
): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let keptBytes = 0;
  let sizeBytes = 0;
  let crowded = false;
  try {
    for await (const chunk of request as AsyncIterable<Buffer>) {
      sizeBytes += chunk.length;
      crowded ||= heldBytes + chunk.length > budgetBytes;
      // Nothing more is read; the answer closes the connection.
      if (sizeBytes > limitBytes + MAX_DISCARDED_BYTES) break;
      if (sizeBytes > limitBytes || crowded) continue;
      chunks.push(chunk);
      keptBytes += chunk.length;
      heldBytes += chunk.length;
    }
  } catch {
    throw new Problem(400, 'body_incomplete', 'The body ended before its end.');
  } finally {
    heldBytes -= keptBytes;
  }
  if (sizeBytes > limitBytes) {
    throw new Problem(413, 'body_too_large', `The body is larger than ${limitBytes} bytes.`, {
      headers: { Connection: 'close' },
    });
  }
  if (crowded) throw new Problem(503, 'too_many_bodies', 'Too many webhooks are being read at this moment.');
  return Buffer.concat(chunks);
}

/** Whether a body of this media type is a form. */
export const isForm = (mediaType: string) =>
  /^(application\/x-www-form-urlencoded|multipart\/form-data)\b/i.test(mediaType);

/**
 * The text fields of a form, in order; files are left out (Mailgun's legacy webhooks attach the bounced message).
 *
 * @throws NotUnderstoodError when the body is not a form of this media type.
 */
export async function readForm(body: Buffer, mediaType: string): Promise<[name: string, value: string][]> {
  if (!isForm(mediaType)) throw new NotUnderstoodError('the body is not a form');
  try {
    const form = await new Response(new Uint8Array(body), { headers: { 'content-type': mediaType } }).formData();
    return [...form.entries()].filter((field): field is [string, string] => typeof field[1] === 'string');
  } catch {
    throw new NotUnderstoodError('the body is not a form');
  }
}
