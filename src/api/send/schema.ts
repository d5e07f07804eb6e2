import { z } from 'zod';
import type { FieldFault } from '../../http/problem.js';
import { PRIORITIES } from '../../priority.js';
import { bytes } from '../routing/answers.js';
import { parseAddress } from './addresses.js';
import { type FaultCode, fault, isOneLine, isText } from './faults.js';

const SUBJECT_CHARACTERS = 998; // RFC 5322, 2.1.1: the longest line
const ADDRESS_CHARACTERS = 512; // with its display name
const METADATA_BYTES = 4096;
const TAGS = 10; // Mailgun's limit for one message
const TAG_CHARACTERS = 128;
const FILENAME_CHARACTERS = 255;
const DAYS_AHEAD = 30; // partitions exist for three months
/** A `send_at` this far back is "now": the request itself takes time, and clocks differ. */
const CLOCK_SKEW_MS = 60_000;

// A schema's message is the fault's code; `fault` adds the words.
const code = (value: FaultCode) => ({ error: value });

const required = z.string(code('required')).min(1, { error: 'required', abort: true });
const oneLine = required.refine(isOneLine, { error: 'control_character', abort: true });

/** A step that reads a text as something else, or gives the code of its fault. */
function reading<T>(read: (text: string) => T | FaultCode, isFault: (value: T | FaultCode) => value is FaultCode) {
  return z.transform((text: string, context) => {
    const value = read(text);
    if (!isFault(value)) return value;
    context.issues.push({ code: 'custom', message: value, input: text });
    return z.NEVER;
  });
}

const isCode = <T extends object>(value: T | FaultCode): value is FaultCode => typeof value === 'string';

const address = oneLine
  .max(ADDRESS_CHARACTERS, { error: 'too_long', abort: true })
  .pipe(reading((text) => parseAddress(text) ?? 'invalid_address', isCode));

const ONE_ADDRESS = [
  'Exactly one address, bare or with a display name: `ada@example.com`, `"Sales, north" <sales@example.com>`. ASCII',
  'only: an internationalised domain is given as punycode. At most 254 characters of address, 512 with the name.',
].join(' ');

/** A JSON value that PostgreSQL can store and that carries no line breaks into anyone's headers. */
function isStorable(value: unknown): boolean {
  if (typeof value === 'string') return isOneLine(value) && !/\p{Surrogate}/u.test(value);
  if (typeof value === 'number') return Number.isFinite(value);
  if (typeof value !== 'object' || value === null) return true;
  return Object.entries(value).every(([key, item]) => isStorable(key) && isStorable(item));
}

function readMetadata(text: string): Record<string, unknown> | FaultCode {
  if (Buffer.byteLength(text) > METADATA_BYTES) return 'too_long';
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return 'invalid_metadata';
  }
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
  return isObject && isStorable(value) ? (value as Record<string, unknown>) : 'invalid_metadata';
}

function readTags(text: string): string[] | FaultCode {
  const tags = text.split(',').map((tag) => tag.trim());
  if (tags.length > TAGS) return 'too_many_tags';
  if (tags.some((tag) => tag.length > TAG_CHARACTERS)) return 'too_long';
  return tags.every((tag) => /^[\x20-\x7e]+$/.test(tag)) ? [...new Set(tags)] : 'invalid_tags';
}

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

const sendFields = z.strictObject({
  sender: address.describe(`From whom. ${ONE_ADDRESS}`),
  receiver: address.describe('To whom: exactly one address, as `sender`.'),
  subject: oneLine.max(SUBJECT_CHARACTERS, code('too_long')).describe('One line.'),
  // Its size is limited while it is read.
  content: required.refine(isText, code('control_character')).describe('UTF-8, at most 5 MB.'),
  content_type: z.enum(['text/plain', 'text/html'], code('unknown_content_type')).default('text/plain'),
  priority: z.enum(PRIORITIES, code('unknown_priority')).default('medium'),
  reply_to: address.optional().describe('An address, as `sender`.'),
  metadata: z
    .string()
    .pipe(reading(readMetadata, isCode))
    .optional()
    .describe('A JSON object, at most 4 KB; texts in it hold no control characters. It comes back with the e-mail.'),
  tags: oneLine
    .pipe(reading(readTags, isCode))
    .optional()
    .describe('Comma-separated, at most 10, each at most 128 characters of printable ASCII: `welcome,trial`.'),
  send_at: oneLine
    .pipe(reading(readSendAt, isCode))
    .optional()
    .describe(
      'When to send: RFC 3339 with seconds and offset, at most 30 days ahead. Up to a minute back counts as now.',
    ),
});

/** The form as the description shows it: its text fields and the attachment, which is not read into memory. */
export const sendFormSchema = sendFields.extend({
  attachment: bytes
    .meta({
      override: { type: 'string', format: 'binary' },
      description: [
        'At most one file with a filename (at most 255 characters; folders in it are cut off), 1 byte to 18 MB. Declared',
        'as `message/*` or `multipart/*` it goes out as `application/octet-stream`.',
      ].join(' '),
    })
    .optional(),
});

export type SendFields = z.infer<typeof sendFields>;

/** Validates the text fields. @returns the fields, or undefined with every fault of them. */
export function parseSendFields(fields: ReadonlyMap<string, string>): {
  readonly data?: SendFields;
  readonly faults: readonly FieldFault[];
} {
  const parsed = sendFields.safeParse(Object.fromEntries(fields));
  if (parsed.success) return { data: parsed.data, faults: [] };
  const faults = parsed.error.issues.flatMap((issue) =>
    issue.code === 'unrecognized_keys'
      ? issue.keys.map((key) => fault(key, 'unknown_field'))
      : [fault(String(issue.path[0]), issue.message as FaultCode)],
  );
  return { faults };
}

/** What can be wrong with an attachment that was read whole. */
export function attachmentFaults(filename: string, sizeBytes: number): FieldFault[] {
  const faults: FaultCode[] = [];
  if (!isOneLine(filename)) faults.push('control_character');
  if (filename.length > FILENAME_CHARACTERS) faults.push('too_long');
  if (sizeBytes === 0) faults.push('empty_attachment');
  return faults.map((fault_) => fault('attachment', fault_));
}
