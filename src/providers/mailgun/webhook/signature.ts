import { createHmac, timingSafeEqual } from 'node:crypto';
import type { JsonObject } from '../../webhook-format/event.js';
import { NotUnderstoodError } from '../../webhook-format/format.js';
import { findJsonFields } from '../../webhook-format/json-fields.js';
import { objectOf, textOf } from '../../webhook-format/normalise.js';

/** Mailgun repeats for about 8 h and may keep the original signature: anything younger than this is taken. */
const MAX_AGE_MS = 12 * 60 * 60 * 1000;
/** How far our clock may be behind Mailgun's. */
const MAX_AHEAD_MS = 5 * 60 * 1000;
/** Timestamp, token and digest have some 130 characters together. */
const MAX_BLOCK_BYTES = 1_000;
const OPEN_BRACE = 0x7b;

/**
 * What is signed is the timestamp followed by the token, with nothing between. The timestamp's length has to be fixed,
 * or characters of the token could pass for the timestamp's, and a used token for a new one. Ten digits last until 2286.
 */
const TIMESTAMP = /^\d{10}$/;

export interface MailgunSignature {
  readonly timestamp: string;
  readonly token: string;
  readonly signature: string;
}

/** The signature among some fields; undefined when it is not whole. */
export function signatureOf(fields: JsonObject): MailgunSignature | undefined {
  const timestamp = textOf(fields.timestamp);
  const { token, signature } = fields;
  if (!timestamp || typeof token !== 'string' || typeof signature !== 'string') return undefined;
  return { timestamp, token, signature };
}

/**
 * Finds the signature in a JSON body without parsing the rest, since anybody can send one.
 *
 * @throws NotUnderstoodError when the body is no object with an event in it.
 */
export function findMailgunSignature(body: Buffer): MailgunSignature | undefined {
  const found = findJsonFields(body, ['signature', 'event-data']);
  if (!found) throw new NotUnderstoodError('the body is not a JSON object');
  if (found.get('event-data')?.[0] !== OPEN_BRACE) throw new NotUnderstoodError('event-data is missing');
  const block = found.get('signature');
  if (!block || block.length > MAX_BLOCK_BYTES) return undefined;
  try {
    return signatureOf(objectOf(JSON.parse(block.toString('utf8'))));
  } catch {
    return undefined;
  }
}

/**
 * Checks who sent a webhook and when: hexadecimal HMAC-SHA256 over timestamp and token. The body is not signed, which
 * is why a token must never be taken with a second body. Source: Mailgun's documentation, "Securing webhooks".
 *
 * @returns why it is refused, or undefined when all is well.
 */
export function refuseMailgun(
  signature: MailgunSignature | undefined,
  signingKey: string,
  now: Date,
): 'bad_signature' | 'too_old' | 'ahead_of_time' | undefined {
  if (!signature || !TIMESTAMP.test(signature.timestamp)) return 'bad_signature';
  const expected = createHmac('sha256', signingKey)
    .update(signature.timestamp + signature.token)
    .digest();
  const given = Buffer.from(signature.signature, 'hex');
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) return 'bad_signature';
  const ageMs = now.getTime() - Number(signature.timestamp) * 1000;
  if (!(ageMs <= MAX_AGE_MS)) return 'too_old';
  if (ageMs < -MAX_AHEAD_MS) return 'ahead_of_time';
  return undefined;
}
