import type { IncomingHttpHeaders } from 'node:http';
import type { HttpAnswer, HttpBreak } from './http-call.js';
import type { Failed, FailureKind, OutgoingMessage } from './provider.js';

/**
 * What each provider's "no" means. Pure functions: from an answer, or the lack of one, to a `Failed`. The rules come
 * from the providers' published API descriptions; where these are silent, an error that may have happened after the
 * message was taken is `ambiguous`.
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

/** What a status means when nothing in the answer is more precise. */
function kindOfStatus(status: number): FailureKind {
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

/** Any answer of Mailgun's that is not a success. */
export function mailgunFailure(answer: HttpAnswer): Failed {
  return failed(kindOfStatus(answer.status), `http_${answer.status}`, answer.headers);
}

/** The names of Mandrill's errors; it sends most of them with HTTP 500, so the status says little. */
const MANDRILL_ERRORS: Readonly<Record<string, FailureKind>> = {
  ValidationError: 'rejected',
  Unknown_Subaccount: 'rejected',
  Unknown_Template: 'rejected',
  Invalid_Key: 'misconfigured',
  PaymentRequired: 'misconfigured',
  RequestLimitExceeded: 'throttled',
  ServiceUnavailable: 'unavailable',
  GeneralError: 'ambiguous',
};

/**
 * An answer of Mandrill's with an error status.
 *
 * @param body the parsed answer, or undefined when it is not JSON.
 */
export function mandrillFailure(answer: HttpAnswer, body: unknown): Failed {
  const name = (body as { name?: unknown } | null | undefined)?.name;
  const kind = typeof name === 'string' ? MANDRILL_ERRORS[name] : undefined;
  return failed(kind ?? kindOfStatus(answer.status), safeCode(name, `http_${answer.status}`), answer.headers);
}

/** A failed SMTP conversation, as nodemailer's errors describe it. */
export interface SmtpFault {
  /** The server's three digits, when it answered. */
  readonly responseCode?: number;
  /** What we had said: `CONN`, `EHLO`, `AUTH PLAIN`, `MAIL FROM`, `DATA` … */
  readonly command?: string;
  readonly code?: string;
  /** The system's code where nodemailer has replaced it by one of its own. */
  readonly originalCode?: string;
}

/** Authentication wanted or failed, or too weak: RFC 4954. */
const SMTP_AUTH_CODES: ReadonlySet<number> = new Set([530, 534, 535, 538]);
/** Mailbox busy or greylisted, local error, out of space: this message, later (RFC 5321 4.2.3). */
const SMTP_THROTTLED_CODES: ReadonlySet<number> = new Set([450, 451, 452]);
/** Refusals before a message was even named: the server does not want us. */
const SMTP_SESSION_COMMAND = /^(CONN|EHLO|HELO|STARTTLS|AUTH)/;
/** nodemailer's own refusals of the message, before or instead of the server's. */
const SMTP_MESSAGE_FAULTS: ReadonlySet<string> = new Set(['EENVELOPE', 'EMESSAGE']);

/**
 * A failed SMTP conversation. A reply decides, also one to the final dot. Without a reply all depends on that dot: the
 * server may take a message only after it, and after it there is nothing to ask.
 *
 * @param dotSent whether the final dot may have been sent.
 */
export function smtpFailure(fault: SmtpFault, dotSent: boolean): Failed {
  if (fault.responseCode) return { kind: kindOfReply(fault.responseCode, fault), code: `smtp_${fault.responseCode}` };
  const code = safeCode(fault.originalCode ?? fault.code, 'smtp_error');
  if (dotSent) return { kind: 'ambiguous', code };
  if (SMTP_MESSAGE_FAULTS.has(fault.code ?? '')) return { kind: 'rejected', code };
  return { kind: fault.code === 'EAUTH' ? 'misconfigured' : 'unavailable', code };
}

function kindOfReply(reply: number, fault: SmtpFault): FailureKind {
  if (SMTP_THROTTLED_CODES.has(reply)) return 'throttled';
  if (reply < 500) return 'unavailable';
  const refusedUs = SMTP_AUTH_CODES.has(reply) || SMTP_SESSION_COMMAND.test(fault.command ?? '');
  return refusedUs ? 'misconfigured' : 'rejected';
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

function failed(kind: FailureKind, code: string, headers: IncomingHttpHeaders): Failed {
  const waitMs = retryAfterMs(headers);
  return waitMs === undefined ? { kind, code } : { kind, code, retryAfterMs: waitMs };
}

const LINE_BREAK = /[\r\n\0]/;

/**
 * Refuses a message with a line break where a header will be: it could add headers, or receivers, of its own. The API
 * refuses it first; this is for whatever comes another way.
 */
export function unsafeHeader(message: OutgoingMessage): Failed | undefined {
  const { sender, receiver, replyTo, subject, messageId, tags, attachment } = message;
  const values = [
    sender,
    receiver,
    replyTo,
    subject,
    messageId,
    ...tags,
    attachment?.filename,
    attachment?.contentType,
  ];
  return values.some((value) => value && LINE_BREAK.test(value))
    ? { kind: 'rejected', code: 'unsafe_header' }
    : undefined;
}
