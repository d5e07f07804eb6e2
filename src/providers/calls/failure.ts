import type { IncomingHttpHeaders } from 'node:http';
import type { Failed, FailureKind, OutgoingMessage } from '../provider.js';
import type { HttpAnswer, HttpBreak } from './http-call.js';

/**
 * What a provider's "no" means, as far as it means the same at all of them; what one of them means by it is in its
 * folder's `taxonomy.ts`. Pure functions: from an answer, or the lack of one, to a `Failed`. Where a provider's
 * description is silent, an error that may have happened after the message was taken is `ambiguous`.
 */

/** Letters, digits, `_`, `.` and `-`: cannot hold an address or a sentence. */
const CODE = /^[A-Za-z0-9_.-]{1,64}$/;

/** A code that is safe in logs and in workflow history; `fallback` when `value` is not. */
export function safeCode(value: unknown, fallback: string): string {
  return typeof value === 'string' && CODE.test(value) ? value : fallback;
}

/**
 * No answer came. Refused connections, unknown hosts and failed TLS handshakes end before the first byte: not taken.
 * Once a byte may have left, nobody can tell.
 */
export function failureOfBreak(outcome: HttpBreak): Failed {
  return { kind: outcome.begun ? 'ambiguous' : 'unavailable', code: safeCode(outcome.code, 'connection_error') };
}

/** What a status of HTTP means when nothing in the answer is more precise. */
export function kindOfStatus(status: number): FailureKind {
  if (status === 400 || status === 413 || status === 415 || status === 422) return 'rejected';
  // The server gave up waiting for the whole request (RFC 9110 15.5.9).
  if (status === 408) return 'unavailable';
  if (status === 429) return 'throttled';
  // RFC 9110 15.6.4: "currently unable to handle the request". It is what the front proxies answer without passing the
  // request on, and a critical e-mail has to leave within 15 s, which waiting for evidence would cost. The risk that
  // remains: a provider that takes a message and then answers 503. Its webhook reveals the duplicate, which is counted.
  if (status === 503) return 'unavailable';
  // Messages that were sent in spite of a 500, 502 or 504 are on record.
  if (status >= 500) return 'ambiguous';
  // 401, 402, 403, 404 and whatever else points at our account, our address of the API or its protocol.
  return 'misconfigured';
}

/** Nobody is believed who wants to be left alone for longer: some send the time of day where seconds belong. */
const RETRY_AFTER_AT_MOST_MS = 3_600_000;

/**
 * How long `Retry-After` asks to wait, in milliseconds, an hour at most: seconds or an HTTP date (RFC 9110 10.2.3).
 * Undefined when it is missing, unreadable or past.
 */
export function retryAfterMs(headers: IncomingHttpHeaders, now: Date = new Date()): number | undefined {
  const value = headers['retry-after']?.trim();
  if (!value) return undefined;
  const waitMs = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - now.getTime();
  return waitMs > 0 ? Math.min(waitMs, RETRY_AFTER_AT_MOST_MS) : undefined;
}

/** A failure of this kind, with the time to wait that the answer's headers ask for. */
export function failed(kind: FailureKind, code: string, { headers }: Pick<HttpAnswer, 'headers'>): Failed {
  const waitMs = retryAfterMs(headers);
  return waitMs === undefined ? { kind, code } : { kind, code, retryAfterMs: waitMs };
}

const LINE_BREAK = /[\r\n\0]/;

/**
 * Refuses a message with a line break where a header will be: it could add headers, or receivers, of its own. The API
 * refuses it first; this is for whatever comes another way.
 */
export function unsafeHeader(message: OutgoingMessage): Failed | undefined {
  const { sender, receiver, replyTo, subject, messageId, headers, tags, attachment } = message;
  const values = [
    sender,
    receiver,
    replyTo,
    subject,
    messageId,
    ...tags,
    ...Object.entries(headers).flat(),
    attachment?.filename,
    attachment?.contentType,
  ];
  return values.some((value) => value && LINE_BREAK.test(value))
    ? { kind: 'rejected', code: 'unsafe_header' }
    : undefined;
}
