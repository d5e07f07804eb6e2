import type { IncomingHttpHeaders } from 'node:http';
import { isMultipart, isUrlencoded, WholeBody } from '../../webhook-format/body-sink.js';
import type { JsonObject } from '../../webhook-format/event.js';
import { textOfField, UrlencodedForm } from '../../webhook-format/form.js';
import {
  NotUnderstoodError,
  type OnceOnlyWebhook,
  type Reading,
  type WebhookFormat,
  WebhookRefusedError,
} from '../../webhook-format/format.js';
import { MultipartForm } from '../../webhook-format/multipart.js';
import type { MailgunSettings } from '../settings.js';
import { EVENT_TYPES, normaliseMailgun, parseMailgunForm, parseMailgunJson } from './events.js';
import { findMailgunSignature, type MailgunSignature, refuseMailgun, signatureOf } from './signature.js';

const MB = 1024 * 1024;
/** One event, as JSON or as a form: a few kilobytes; one to a thousand receivers lists them all. */
const MAX_BYTES = MB;
/** A legacy form with the bounced message attached, of which nothing is kept: Mailgun takes messages of 25 MB. */
const MAX_MULTIPART_BYTES = 32 * MB;
/** Each of the sender's variables is a field; all of them together have at most 16 KB. */
const MAX_FIELDS = 500;

/** A webhook of which nothing was made yet but its signature. */
interface UnverifiedWebhook {
  readonly signature: MailgunSignature | undefined;
  /** What its token stands for. */
  readonly content: () => Buffer;
  /** @throws NotUnderstoodError */
  readonly open: () => JsonObject;
}

/** Mailgun's webhooks, in any of their three shapes: JSON, and the legacy form in both encodings. */
export const mailgunWebhook: WebhookFormat<MailgunSettings> = {
  eventTypes: EVENT_TYPES,
  open(headers, { webhookSigningKey }) {
    const { maxBytes, sink, read } = shapeOf(headers);
    return { maxBytes, sink, verify: async (now) => verify(await read(), webhookSigningKey, now) };
  },
};

function verify({ signature, content, open }: UnverifiedWebhook, signingKey: string, now: Date): OnceOnlyWebhook {
  const refusal = refuseMailgun(signature, signingKey, now);
  if (refusal || !signature) throw new WebhookRefusedError(refusal ?? 'bad_signature');
  const event = normaliseMailgun(open(), signature.timestamp);
  return { token: signature.token, content: content(), event };
}

type Shape = Pick<Reading, 'maxBytes' | 'sink'> & { readonly read: () => Promise<UnverifiedWebhook> };

function shapeOf(headers: IncomingHttpHeaders): Shape {
  const mediaType = headers['content-type'] ?? '';
  if (isMultipart(mediaType)) {
    const sink = new MultipartForm(mediaType, MAX_FIELDS, MAX_BYTES);
    return { maxBytes: MAX_MULTIPART_BYTES, sink, read: async () => ofForm(await sink.fields()) };
  }
  if (isUrlencoded(mediaType)) {
    const sink = new UrlencodedForm(MAX_FIELDS);
    const read = async () => ofForm(sink.fields().map((field) => [field.name, textOfField(field)]));
    return { maxBytes: MAX_BYTES, sink, read };
  }
  const sink = new WholeBody();
  return { maxBytes: MAX_BYTES, sink, read: async () => ofJson(sink.bytes()) };
}

function ofJson(content: Buffer): UnverifiedWebhook {
  const open = () => parseMailgunJson(content.toString('utf8')).eventData;
  return { signature: findMailgunSignature(content), content: () => content, open };
}

/** The fields alone stand for a form: a repetition may have another boundary between them. */
function ofForm(fields: readonly (readonly [name: string, value: string])[]): UnverifiedWebhook {
  const { event, ...rest } = Object.fromEntries(fields);
  if (!event) throw new NotUnderstoodError('the field "event" is missing');
  return {
    signature: signatureOf(rest),
    content: () => Buffer.from(JSON.stringify(fields)),
    open: () => parseMailgunForm(fields).eventData,
  };
}
