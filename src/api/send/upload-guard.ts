import type { IncomingMessage } from 'node:http';
import { type BodyGuard, guardBody } from '../../http/body-guard.js';
import { Problem } from '../../http/problem.js';
import type { ApiLimits } from '../limits.js';

/** Room for part headers and small fields, beside attachment and content. */
const OVERHEAD_BYTES = 1024 * 1024;

/** The largest body that can hold an acceptable form. */
export const maxBodyBytes = (limits: ApiLimits) => limits.attachmentBytes + limits.contentBytes + OVERHEAD_BYTES;

/** The most that a JSON document may hold beside its attachment: letters written as escapes take three times their bytes. */
export const maxFieldBytes = (limits: ApiLimits) => 3 * limits.contentBytes + OVERHEAD_BYTES;

/** The largest JSON document: base64 takes a third more, and line breaks and escapes in it something, too. */
export const maxDocumentBytes = (limits: ApiLimits) => Math.ceil(limits.attachmentBytes * 1.5) + maxFieldBytes(limits);

/** What a client is told whose attachment or content is beyond the limits. */
export function tooLarge(limits: ApiLimits): Problem {
  const detail = `At most ${limits.attachmentBytes} bytes of attachment and ${limits.contentBytes} bytes of content are taken.`;
  return new Problem(413, 'too_large', detail);
}

/** Watches one submission arrive; see `guardBody`. */
export function guardUpload(request: IncomingMessage, limits: ApiLimits, maxBytes = maxBodyBytes(limits)): BodyGuard {
  const pace = {
    totalMs: limits.uploadTimeoutMs,
    windowMs: limits.progressWindowMs,
    windowBytes: limits.progressBytes,
    maxBytes,
  };
  return guardBody(request, pace, { slowCode: 'upload_too_slow', tooLarge: () => tooLarge(limits) });
}
