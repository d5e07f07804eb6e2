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
  textOf,
} from '../../webhook-format/normalise.js';
import { listedByMandrill } from '../listed.js';

/**
 * Reads the field `mandrill_events`: a JSON array of events, at most 1,000 at a time.
 *
 * @throws NotUnderstoodError
 */
export function parseMandrill(text: string): Normalised[] {
  const events = parseJson(text);
  if (!Array.isArray(events)) throw new NotUnderstoodError('mandrill_events is not a JSON array');
  return events.map((event) => normaliseMandrill(event));
}

/** Mandrill's events and our statuses. `send` is not a delivery. `unsub` has no status and only suppresses. */
export const EVENT_TYPES: Readonly<Record<string, string>> = {
  send: 'sent',
  delivered: 'delivered',
  deferral: 'deferred',
  hard_bounce: 'bounced',
  soft_bounce: 'bounced',
  open: 'opened',
  click: 'clicked',
  spam: 'complained',
  unsub: 'unsubscribed',
  reject: 'failed',
};

/** A soft bounce (full mailbox, policy, size) may pass, so the address is not suppressed for it. */
const SUPPRESSIONS: Readonly<Record<string, WebhookEvent['suppress']>> = {
  hard_bounce: 'bounced',
  spam: 'complained',
  unsub: 'unsubscribed',
};

/** An object with a reason, the reason alone, or nothing. */
const rejectReasonOf = (message: JsonObject) => textOf(objectOf(message.reject).reason) ?? textOf(message.reject);

function suppressionOf(name: string, message: JsonObject): WebhookEvent['suppress'] {
  if (name === 'reject') return listedByMandrill(rejectReasonOf(message));
  return Object.hasOwn(SUPPRESSIONS, name) ? SUPPRESSIONS[name] : undefined;
}

/** One event in our words. Pure. Changes of Mandrill's own lists (`sync`: `type` and `action`) belong to no message. */
export function normaliseMandrill(raw: unknown): Normalised {
  if (!isObject(raw)) return { unmatched: 'not_understood', raw: { value: raw } };
  const name = textOf(raw.event);
  if (!name) return { unmatched: textOf(raw.type) && textOf(raw.action) ? 'sync' : 'not_understood', raw };
  const message = objectOf(raw.msg);
  const occurredAt = momentOf(raw.ts) ?? momentOf(message.ts);
  if (!occurredAt) return { unmatched: 'not_understood', raw };
  const messageIdHeader = textOf(objectOf(message.headers)['Message-Id']);
  const identity = identityOf(objectOf(message.metadata), messageIdHeader);
  const messageId = textOf(raw._id) ?? textOf(message._id);
  const event: WebhookEvent = {
    providerEventId: eventIdOf(name, messageId, occurredAt, raw),
    type: Object.hasOwn(EVENT_TYPES, name) ? EVENT_TYPES[name]! : keptType('mandrill', name),
    generation: identity?.generation ?? null,
    attempt: identity?.attempt ?? null,
    occurredAt,
    providerMessageId: messageId ?? null,
    suppress: suppressionOf(name, message),
    // It says the same in its answer to the call.
    ...(name === 'reject' && { notTaken: true }),
    metadata: metadataOf(raw, message),
  };
  if (identity) return { emailId: identity.emailId, event, raw };
  // The message's own time is when Mandrill took it; an open may come days later.
  const takenAt = momentOf(message.ts) ?? occurredAt;
  const isId = messageId !== undefined && messageId === boundedId(messageId);
  return { unmatched: 'no_email_id', raw, ...(isId && { sought: { providerMessageId: messageId, takenAt, event } }) };
}

/**
 * Mandrill's events have no id: the message's, the event's name and its second make one. Two links followed within
 * one second are two events.
 */
function eventIdOf(name: string, messageId: string | undefined, at: Date, raw: JsonObject): string {
  const link = textOf(raw.url);
  const parts = [messageId ?? 'no-id', name, String(at.getTime() / 1000), ...(link ? [digestOf(link)] : [])];
  return boundedId(parts.join(':'));
}

/** What helps an operator or a client; nothing of the message's content. */
function metadataOf(raw: JsonObject, message: JsonObject): Record<string, unknown> {
  const lastTry = objectOf(Array.isArray(message.smtp_events) ? message.smtp_events.at(-1) : undefined);
  return trimMetadata({
    reason: textOf(message.bounce_description) ?? rejectReasonOf(message),
    code: textOf(message.bgtools_code),
    // A deferral's stands beside the message, and is the latest.
    message: textOf(raw.diag) ?? textOf(message.diag) ?? textOf(lastTry.diag),
    state: textOf(message.state),
    sending_ip: textOf(lastTry.source_ip),
    url: textOf(raw.url),
    ...readerOf(raw),
  });
}

/** Where and with what an e-mail was opened or a link followed. */
function readerOf(raw: JsonObject): Record<string, unknown> {
  const place = objectOf(raw.location);
  const client = objectOf(raw.user_agent_parsed);
  const { mobile } = client;
  return {
    ip: textOf(raw.ip),
    country: countryOf(place.country_short) ?? countryOf(place.country),
    region: knownOf(place.region),
    city: knownOf(place.city),
    user_agent: textOf(raw.user_agent),
    client: knownOf(client.ua_name) ?? knownOf(client.ua_family),
    client_type: knownOf(client.type),
    os: knownOf(client.os_name) ?? knownOf(client.os_family),
    device: typeof mobile === 'boolean' ? (mobile ? 'mobile' : 'desktop') : undefined,
  };
}
