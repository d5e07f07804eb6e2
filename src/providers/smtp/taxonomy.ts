import { safeCode } from '../calls/failure.js';
import type { Failed, FailureKind } from '../provider.js';

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
