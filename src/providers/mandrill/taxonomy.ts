import { failed, kindOfStatus, safeCode } from '../calls/failure.js';
import type { HttpAnswer } from '../calls/http-call.js';
import type { Failed, FailureKind } from '../provider.js';

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
  return failed(kind ?? kindOfStatus(answer.status), safeCode(name, `http_${answer.status}`), answer);
}
