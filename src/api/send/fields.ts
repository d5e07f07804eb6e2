import { z } from 'zod';
import { PRIORITIES } from '../../priority.js';
import { parseAddress } from './addresses.js';
import { type FaultCode, isOneLine, isText } from './faults.js';
import { headerFaults } from './headers.js';

const SUBJECT_CHARACTERS = 998; // RFC 5322, 2.1.1: the longest line
const ADDRESS_CHARACTERS = 512; // with its display name
const METADATA_BYTES = 4096;
const TAGS = 10; // Mailgun's limit for one message
const TAG_CHARACTERS = 128;
const DAYS_AHEAD = 30; // partitions exist for three months
/** A `send_at` this far back is "now": the request itself takes time, and clocks differ. */
const CLOCK_SKEW_MS = 60_000;

// A schema's message is the fault's code; `fault` adds the words.
export const code = (value: FaultCode) => ({ error: value });

/** In a form every value is a text; in a document what is not there, or null, is missing, and all else is another type. */
const text = z.string({ error: ({ input }) => (input === undefined || input === null ? 'required' : 'invalid_value') });

export const required = text
  .min(1, { error: 'required', abort: true })
  // A document can write half a character as an escape; the database would keep another one.
  .refine((value) => value.isWellFormed(), { error: 'invalid_utf8', abort: true });
export const oneLine = required.refine(isOneLine, { error: 'control_character', abort: true });

/** A step that reads a value as something else, or gives the code of its fault. */
export function reading<From, T>(
  read: (from: From) => T | FaultCode,
  isFault: (value: T | FaultCode) => value is FaultCode,
) {
  return z.transform((from: From, context) => {
    const value = read(from);
    if (!isFault(value)) return value;
    context.issues.push({ code: 'custom', message: value, input: from });
    return z.NEVER;
  });
}

export const isCode = <T extends object>(value: T | FaultCode): value is FaultCode => typeof value === 'string';

export const address = oneLine
  .max(ADDRESS_CHARACTERS, { error: 'too_long', abort: true })
  .pipe(reading((submitted: string) => parseAddress(submitted) ?? 'invalid_address', isCode));

export const subject = oneLine.max(SUBJECT_CHARACTERS, code('too_long'));
/** Its size is limited elsewhere: in a form while it is read. */
export const body = required.refine(isText, code('control_character'));
export const priority = z.enum(PRIORITIES, code('unknown_priority')).default('medium');

/** A JSON value that PostgreSQL can store and that carries no line breaks into anyone's headers. */
function isStorable(value: unknown): boolean {
  if (typeof value === 'string') return isOneLine(value) && !/\p{Surrogate}/u.test(value);
  if (typeof value === 'number') return Number.isFinite(value);
  if (typeof value !== 'object' || value === null) return true;
  return Object.entries(value).every(([key, item]) => isStorable(key) && isStorable(item));
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** @param text the same as JSON, for its length. */
function metadataOf(value: unknown, json: string): Record<string, unknown> | FaultCode {
  if (Buffer.byteLength(json) > METADATA_BYTES) return 'too_long';
  return isObject(value) && isStorable(value) ? value : 'invalid_metadata';
}

/** @returns undefined for what is no JSON. */
function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}

/** Metadata as a form has them: JSON in a text. */
export function readMetadata(json: string): Record<string, unknown> | FaultCode {
  if (Buffer.byteLength(json) > METADATA_BYTES) return 'too_long';
  return metadataOf(parsed(json), json);
}

/** Metadata as a document has them. */
export const takeMetadata = (value: unknown) => metadataOf(value, JSON.stringify(value) ?? '');

export function takeTags(list: string[]): string[] | FaultCode {
  const tags = list.map((tag) => tag.trim());
  if (tags.length > TAGS) return 'too_many_tags';
  if (tags.some((tag) => tag.length > TAG_CHARACTERS)) return 'too_long';
  return tags.every((tag) => /^[\x20-\x2b\x2d-\x7e]+$/.test(tag)) ? [...new Set(tags)] : 'invalid_tags';
}

/** Tags as a form has them. */
export const readTags = (commaSeparated: string) => takeTags(commaSeparated.split(','));

/** Reads when to send; null: now. @returns the fault's code when it is no such time. */
export function readSendAt(text: string): { at: Date | null } | FaultCode {
  // RFC 3339 wants seconds and an offset; zod would do without seconds.
  if (!/T\d{2}:\d{2}:\d{2}/i.test(text) || !z.iso.datetime({ offset: true }).safeParse(text.toUpperCase()).success)
    return 'invalid_time';
  const aheadMs = Date.parse(text) - Date.now();
  if (aheadMs < -CLOCK_SKEW_MS) return 'time_in_past';
  if (aheadMs > DAYS_AHEAD * 24 * 60 * 60 * 1000) return 'time_too_far';
  return { at: aheadMs > 0 ? new Date(text) : null };
}

export const sendAt = oneLine.pipe(reading(readSendAt, isCode));

/** Headers as a form has them: JSON in a text. */
export const readHeaders = (json: string) => takeHeaders(parsed(json));

/** Headers as a document has them. */
export function takeHeaders(value: unknown): Record<string, string> | FaultCode {
  if (!isObject(value) || Object.values(value).some((item) => typeof item !== 'string')) return 'invalid_headers';
  return value as Record<string, string>;
}

/** The rules of headers, each fault at the header it is of. */
export const checkedHeaders = z.transform((headers: Record<string, string>, context) => {
  const faults = headerFaults(headers);
  for (const { name, code } of faults) {
    context.issues.push({ code: 'custom', message: code, input: headers, path: name === '' ? [] : [name] });
  }
  return faults.length === 0 ? headers : z.NEVER;
});
