import type { ListedFor } from '../../provider.js';
import type { JsonObject } from '../../webhook-format/event.js';
import { objectOf, textOf } from '../../webhook-format/normalise.js';

/** What Mailgun did not even try, because the address is on a list of its own: reasons, and codes in older events. */
const OWN_LIST: Readonly<Record<string, ListedFor>> = {
  'suppress-bounce': 'bounced',
  '605': 'bounced',
  'suppress-unsubscribe': 'unsubscribed',
  '606': 'unsubscribed',
  'suppress-complaint': 'complained',
  '607': 'complained',
};

/**
 * Whether a failure shows that the address must not be written to again, and why: Mailgun's own list has it, or the
 * receiving server said that the address is no good. Pure. Source: Mailgun's documentation of its events and of its
 * suppressions. 625 ("poor mailing list quality") is about the sender's list as a whole, no reason to spare one address.
 *
 * @param eventData a `failed` or `rejected` event.
 */
export function suppressionOfFailure(eventData: JsonObject): ListedFor | undefined {
  const reason = textOf(eventData.reason) ?? textOf(objectOf(eventData.reject).reason) ?? '';
  const code = textOf(objectOf(eventData['delivery-status']).code) ?? '';
  const listed = [reason, code].find((key) => Object.hasOwn(OWN_LIST, key));
  if (listed) return OWN_LIST[listed];
  return eventData.severity === 'permanent' && isHardBounce(eventData, reason) ? 'bounced' : undefined;
}

/** A bounce that came back as a message, after the receiving server had taken the e-mail. */
export const isDelayedBounce = (eventData: JsonObject) => objectOf(eventData.flags)['is-delayed-bounce'] === true;

/** Mailgun's own judgement is `bounce-type`; where it is missing, the codes have to do. */
function isHardBounce(eventData: JsonObject, reason: string): boolean {
  const status = objectOf(eventData['delivery-status']);
  const bounceType = textOf(status['bounce-type'])?.toLowerCase();
  if (bounceType !== undefined) return bounceType === 'hard';
  const delayed = isDelayedBounce(eventData);
  // Others are `generic` and `old` (given up), `espblock` (we are blocked) and the like.
  if (reason !== 'bounce' && !delayed) return false;
  const message = textOf(status.message) ?? '';
  const detail = detailOf(status, message);
  if (detail !== undefined) return isAboutAddress(detail, message);
  // A message that came back may say anything; an answer in the conversation is about the receiver.
  return delayed ? /^55[013]$/.test(textOf(status.code) ?? '') : !(Number(status.code) >= 600);
}

const DETAIL = /\b5\.\d{1,3}\.\d{1,3}\b/;

/** The status of three parts (RFC 3463), from wherever Mailgun puts it. */
function detailOf(status: JsonObject, message: string): string | undefined {
  const places = [status['enhanced-code'], status['bounce-code'], status.code, message];
  return places.map((place) => DETAIL.exec(textOf(place) ?? '')?.[0]).find((found) => found !== undefined);
}

/**
 * Whether a status means that there is no such mailbox (RFC 3463): 5.1.x is about the address, 5.2.1 a mailbox that is
 * closed, 5.0.x says nothing nearer. Exchange and Outlook say it with 5.4.1 and 5.5.0, and only in words. Policy, size,
 * a full mailbox, a loop (5.4.6, 5.4.14) may pass.
 */
function isAboutAddress(detail: string, message: string): boolean {
  if (/^5\.[01]\.|^5\.2\.1$/.test(detail)) return true;
  if (detail === '5.4.1') return /recipient address rejected/i.test(message);
  return detail === '5.5.0' && /mailbox unavailable/i.test(message);
}
