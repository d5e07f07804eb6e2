import { failed, kindOfStatus } from '../calls/failure.js';
import type { HttpAnswer } from '../calls/http-call.js';
import type { Failed } from '../provider.js';

/** Any answer of Mailgun's that is not a success. */
export function mailgunFailure(answer: HttpAnswer): Failed {
  return failed(kindOfStatus(answer.status), `http_${answer.status}`, answer);
}
