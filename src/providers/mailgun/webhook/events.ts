import type { JsonObject, Normalised, WebhookEvent } from '../../webhook-format/event.js';
import { NotUnderstoodError } from '../../webhook-format/format.js';
import { countryOf, knownOf, trimMetadata } from '../../webhook-format/metadata.js';
import {
  boundedId,
  digestOf,
  identityOf,
  isObject,
  keptType,
  momentOf,
  objectOf,
  parseJson,
  storable,
  textOf,
} from '../../webhook-format/normalise.js';
import { isDelayedBounce, suppressionOfFailure } from './failure.js';
import { type MailgunSignature, signatureOf } from './signature.js';

interface MailgunWebhook {
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
 * included; bounces are called `bounced`, final failures `dropped`. It has no event id: see `legacyIdOf`.
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
    id: legacyIdOf(content, timestamp),
    timestamp,
    message: { headers: { 'message-id': content['Message-Id'] ?? content['message-id'] } },
    'user-variables': content,
    'delivery-status': { code: content.code, message: content.error, description: content.description },
    'client-info': content,
  };
  return { signature: signatureOf({ timestamp, token, signature }), eventData };
}

/** What can happen to an e-mail more than once. */
const REPEATABLE: ReadonlySet<unknown> = new Set(['opened', 'clicked']);

/**
 * What stays the same when a legacy form is repeated stands for the event's id: all but the signature. Of what happens
 * more than once, its time is part of it, or a second open would be taken for the first.
 */
function legacyIdOf(content: JsonObject, timestamp: unknown): string {
  const fields = Object.entries(REPEATABLE.has(content.event) ? { ...content, timestamp } : content);
  return digestOf(JSON.stringify(fields.sort(([a], [b]) => (a < b ? -1 : 1))));
}

/** Mailgun's events and our statuses; `failed` depends on its severity, and `stored` concerns received mail. */
export const EVENT_TYPES: Readonly<Record<string, string>> = {
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
  const event: WebhookEvent = {
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
  return Object.hasOwn(EVENT_TYPES, name) ? EVENT_TYPES[name]! : keptType('mailgun', name);
}

function suppressionOf(name: string, eventData: JsonObject): WebhookEvent['suppress'] {
  if (name === 'complained') return 'complained';
  if (name === 'unsubscribed') return 'unsubscribed';
  return name === 'failed' || name === 'rejected' ? suppressionOfFailure(eventData) : undefined;
}

/** What helps an operator or a client; nothing of the message's content. */
function metadataOf(eventData: JsonObject): Record<string, unknown> {
  const status = objectOf(eventData['delivery-status']);
  return trimMetadata({
    severity: textOf(eventData.severity),
    reason: textOf(eventData.reason) ?? textOf(objectOf(eventData.reject).reason),
    code: textOf(status.code),
    enhanced_code: textOf(status['enhanced-code']),
    bounce_code: textOf(status['bounce-code']),
    message: textOf(status.message) ?? textOf(status.description),
    bounce_type: textOf(status['bounce-type']),
    delayed: isDelayedBounce(eventData) || undefined,
    mx_host: textOf(status['mx-host']),
    delivery_attempt: textOf(status['attempt-no']),
    retry_seconds: textOf(status['retry-seconds']),
    recipient_provider: knownOf(eventData['recipient-provider']),
    sending_ip: textOf(objectOf(eventData.envelope)['sending-ip']),
    url: textOf(eventData.url),
    ...readerOf(eventData),
  });
}

/** Where and with what an e-mail was opened or a link followed; the legacy form has all of it at the top. */
function readerOf(eventData: JsonObject): Record<string, unknown> {
  const client = objectOf(eventData['client-info']);
  const place = isObject(eventData.geolocation) ? eventData.geolocation : eventData;
  return {
    ip: textOf(eventData.ip),
    country: countryOf(place.country),
    region: knownOf(place.region),
    city: knownOf(place.city),
    user_agent: textOf(client['user-agent']),
    client: knownOf(client['client-name']),
    client_type: knownOf(client['client-type']),
    os: knownOf(client['client-os']),
    device: knownOf(client['device-type']),
    bot: textOf(client.bot),
  };
}
