import type { ProviderEvent } from '../db/provider-events.js';
import { type MailgunSignature, signatureOf } from './mailgun-signature.js';
import {
  boundedId,
  digestOf,
  identityOf,
  isObject,
  type JsonObject,
  keptType,
  momentOf,
  type Normalised,
  NotUnderstoodError,
  objectOf,
  parseJson,
  storable,
  textOf,
  trimMetadata,
} from './normalise.js';

export interface MailgunWebhook {
  /** Undefined when the body carries none: then nothing proves who sent it. */
  readonly signature: MailgunSignature | undefined;
  readonly eventData: JsonObject;
}

/**
 * Reads a JSON webhook: `{"signature": {timestamp, token, signature}, "event-data": {…}}`, one event a request.
 * Source: Mailgun's documentation, "Webhooks", payload of an event.
 *
 * @throws NotUnderstoodError
 */
export function parseMailgunJson(text: string): MailgunWebhook {
  const body = parseJson(text);
  if (!isObject(body)) throw new NotUnderstoodError('the body is not a JSON object');
  if (!isObject(body['event-data'])) throw new NotUnderstoodError('event-data is missing');
  return { signature: signatureOf(objectOf(body.signature)), eventData: body['event-data'] };
}

/**
 * Reads the legacy form, still sent by old webhook settings: everything is a field of one flat form, our variables
 * included; bounces are called `bounced`, final failures `dropped`. It has no event id: what stays the same when it
 * is repeated (all but the signature) stands for one.
 */
export function parseMailgunForm(fields: readonly (readonly [string, string])[]): MailgunWebhook {
  const form: JsonObject = storable(Object.fromEntries(fields));
  const { timestamp, token, signature, ...content } = form;
  if (!textOf(content.event)) throw new NotUnderstoodError('the field "event" is missing');
  const failure =
    content.event === 'bounced'
      ? { event: 'failed', severity: 'permanent', reason: 'bounce' }
      : content.event === 'dropped'
        ? { event: 'failed', severity: 'permanent' }
        : {};
  const eventData = {
    ...content,
    ...failure,
    id: digestOf(JSON.stringify(Object.entries(content).sort(([a], [b]) => (a < b ? -1 : 1)))),
    timestamp,
    message: { headers: { 'message-id': content['Message-Id'] ?? content['message-id'] } },
    'user-variables': content,
    'delivery-status': { code: content.code, message: content.error, description: content.description },
    'client-info': { 'user-agent': content['user-agent'], 'client-name': content['client-name'] },
  };
  return { signature: signatureOf({ timestamp, token, signature }), eventData };
}

/** Mailgun's events and our statuses; `failed` depends on its severity, and `stored` concerns received mail. */
const TYPES: Readonly<Record<string, string>> = {
  accepted: 'sent',
  rejected: 'failed',
  delivered: 'delivered',
  opened: 'opened',
  clicked: 'clicked',
  complained: 'complained',
  unsubscribed: 'unsubscribed',
  stored: 'stored',
};

/**
 * One event in our words. Pure.
 *
 * @param signedAt the signature's timestamp, for an event that does not say when it happened.
 */
export function normaliseMailgun(eventData: JsonObject, signedAt: string | undefined): Normalised {
  const name = textOf(eventData.event);
  const occurredAt = momentOf(eventData.timestamp) ?? momentOf(signedAt);
  if (!name || !occurredAt) return { unmatched: 'not_understood', raw: eventData };
  const messageId = textOf(objectOf(objectOf(eventData.message).headers)['message-id']);
  const identity = identityOf(objectOf(eventData['user-variables']), messageId);
  if (!identity) return { unmatched: 'no_email_id', raw: eventData };
  const event: ProviderEvent = {
    provider: 'mailgun',
    providerEventId: boundedId(textOf(eventData.id) ?? digestOf(JSON.stringify(eventData))),
    type: typeOf(name, eventData.severity),
    generation: identity.generation,
    attempt: identity.attempt,
    occurredAt,
    // Without angle brackets, as the rest of the record has it.
    providerMessageId: messageId?.replace(/^<|>$/g, '') ?? null,
    suppress: suppressionOf(name, eventData),
    metadata: metadataOf(eventData),
  };
  return { emailId: identity.emailId, event, raw: eventData };
}

function typeOf(name: string, severity: unknown): string {
  if (name === 'failed' && severity === 'permanent') return 'bounced';
  if (name === 'failed' && severity === 'temporary') return 'deferred';
  return Object.hasOwn(TYPES, name) ? TYPES[name]! : keptType('mailgun', name);
}

function suppressionOf(name: string, eventData: JsonObject): ProviderEvent['suppress'] {
  if (name === 'complained') return 'complained';
  if (name === 'unsubscribed') return 'unsubscribed';
  return name === 'failed' && isHardBounce(eventData) ? 'bounced' : undefined;
}

/**
 * Whether the receiving server said that the address itself is no good, so that nobody should write to it again.
 * Not so: `generic` and `old` (Mailgun gave up), `suppress-…` and 605, 606, 607, 625 (Mailgun did not even try: its
 * own lists are kept there), and refusals for policy, size or a full mailbox, which may pass (RFC 3463: 5.1.x is
 * about the address, 5.2.1 a mailbox that is closed, 5.0.x says nothing nearer).
 */
function isHardBounce(eventData: JsonObject): boolean {
  const status = objectOf(eventData['delivery-status']);
  if (eventData.severity !== 'permanent' || eventData.reason !== 'bounce') return false;
  if (status['bounce-type'] === 'soft' || Number(status.code) >= 600) return false;
  const detail = textOf(status['enhanced-code']) ?? /\b5\.\d{1,3}\.\d{1,3}\b/.exec(textOf(status.message) ?? '')?.[0];
  return detail === undefined || /^5\.(0|1)\.|^5\.2\.1$/.test(detail);
}

/** What helps an operator or a client; nothing of the message's content. */
function metadataOf(eventData: JsonObject): Record<string, unknown> {
  const status = objectOf(eventData['delivery-status']);
  const client = objectOf(eventData['client-info']);
  const place = objectOf(eventData.geolocation);
  return trimMetadata({
    severity: textOf(eventData.severity),
    reason: textOf(eventData.reason) ?? textOf(objectOf(eventData.reject).reason),
    code: textOf(status.code),
    enhanced_code: textOf(status['enhanced-code']),
    message: textOf(status.message) ?? textOf(status.description),
    bounce_type: textOf(status['bounce-type']),
    mx_host: textOf(status['mx-host']),
    delivery_attempt: textOf(status['attempt-no']),
    retry_seconds: textOf(status['retry-seconds']),
    url: textOf(eventData.url),
    ip: textOf(eventData.ip),
    country: textOf(place.country) ?? textOf(eventData.country),
    user_agent: textOf(client['user-agent']),
    client: textOf(client['client-name']),
    bot: textOf(client.bot),
  });
}
