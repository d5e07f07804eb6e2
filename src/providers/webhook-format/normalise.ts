import { createHash } from 'node:crypto';
import { isUuid } from '../../uuid.js';
import type { JsonObject } from './event.js';
import { NotUnderstoodError } from './format.js';

const OUR_MESSAGE_ID = /^<?([0-9a-f-]{36})\.(\d{1,5})@/i;
/** Ids become part of a primary key, and a B-tree entry has its limit. */
const MAX_ID_LENGTH = 200;
/** The end of the year 9999: later moments are a fault in the event, and not every client can show them. */
const MAX_SECONDS = 253_402_300_799;

/**
 * Reads JSON into values that `jsonb` can hold: PostgreSQL refuses U+0000 and unpaired surrogates, which JSON allows;
 * they become U+FFFD.
 *
 * @throws NotUnderstoodError when it is not JSON, or nested beyond reason.
 */
export function parseJson(text: string): unknown {
  try {
    return storable(JSON.parse(text));
  } catch {
    throw new NotUnderstoodError('the body is not JSON');
  }
}

/** See `parseJson`. `JSON.stringify` writes such characters as escapes, so they can be found in its result. */
export function storable<T>(value: T): T {
  const json = JSON.stringify(value);
  // A pair of backslashes is matched first and kept, so that what follows it is not mistaken for an escape.
  const clean = json.replace(/\\\\|\\u(?:0000|d[89a-f][0-9a-f]{2})/g, (match) =>
    match === '\\\\' ? match : '\\ufffd',
  );
  return clean === json ? value : (JSON.parse(clean) as T);
}

/** Whether a value is an object with fields: neither null nor an array. */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A field that should be an object; providers send `null`, or PHP's empty array, for one that is empty. */
export const objectOf = (value: unknown): JsonObject => (isObject(value) ? value : {});

/** A field that should be text; numbers are taken as well. */
export function textOf(value: unknown): string | undefined {
  if (typeof value === 'number') return String(value);
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** Seconds since 1970, whole or not, as a number or as text. @returns undefined when it is no moment. */
export function momentOf(seconds: unknown): Date | undefined {
  const value = Number(textOf(seconds));
  return value > 0 && value <= MAX_SECONDS ? new Date(Math.round(value * 1000)) : undefined;
}

/** What we had sent along with a message. */
interface Identity {
  readonly emailId: string;
  readonly generation: number | null;
  readonly attempt: number | null;
}

/**
 * Finds our e-mail in what a provider gives back: the variables we had set, else our Message-ID
 * `<id.generation@domain>`, which survives where variables do not.
 *
 * @param variables `email_id`, `generation`, `attempt`, as numbers or text.
 */
export function identityOf(variables: JsonObject, messageId: string | undefined): Identity | undefined {
  const emailId = textOf(variables.email_id);
  if (emailId && isUuid(emailId)) {
    const { generation, attempt } = variables;
    return { emailId: emailId.toLowerCase(), generation: countOf(generation), attempt: countOf(attempt) };
  }
  const [, id, generation] = OUR_MESSAGE_ID.exec(messageId ?? '') ?? [];
  if (!id || !isUuid(id)) return undefined;
  return { emailId: id.toLowerCase(), generation: countOf(generation), attempt: null };
}

/** A generation or attempt: what fits their columns, else null. */
function countOf(value: unknown): number | null {
  const count = Number(textOf(value));
  return Number.isInteger(count) && count >= 1 && count <= 32_767 ? count : null;
}

/** A provider's id of an event, or a digest of it when it is too long to be part of a key. */
export const boundedId = (id: string) => (id.length <= MAX_ID_LENGTH ? id : digestOf(id));

/** A short stable digest, for events that carry no id of their own. */
export const digestOf = (text: string) => createHash('sha256').update(text).digest('hex').slice(0, 32);

/** The type of an event that has no status: prefixed, so that it can never be mistaken for a status of ours. */
export const keptType = (provider: string, name: string) =>
  `${provider}_${name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '_')
    .slice(0, 40)}`;
