import { storable, textOf } from './normalise.js';

/** A link, or what a receiving server says, is kept up to this length; events of that size are rare. */
const MAX_TEXT_BYTES = 8 * 1024;
const MAX_METADATA_BYTES = 16 * 1024;
/** Tried in turn until the whole fits. */
const TEXT_BOUNDS_BYTES = [MAX_TEXT_BYTES, 4_096, 2_000, 500, 100, 20];

/** Leaves out what is missing, and shortens texts: to 8 KB each, and until the whole is at most 16 KB of JSON. */
export function trimMetadata(fields: Record<string, unknown>): Record<string, unknown> {
  const given = Object.entries(fields).filter(([, value]) => value !== undefined && value !== null && value !== '');
  let trimmed: Record<string, unknown> = {};
  for (const maxBytes of TEXT_BOUNDS_BYTES) {
    const shortened = given.map(([name, value]) => [
      name,
      typeof value === 'string' ? shorten(storable(value), maxBytes) : value,
    ]);
    trimmed = storable(Object.fromEntries(shortened));
    if (Buffer.byteLength(JSON.stringify(trimmed)) <= MAX_METADATA_BYTES) break;
  }
  return trimmed;
}

/** The beginning of a text, cut between characters. */
function shorten(text: string, maxBytes: number): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= maxBytes) return text;
  let end = maxBytes;
  // 10xxxxxx: the middle of a character.
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end--;
  return bytes.toString('utf8', 0, end);
}

/** What providers write for a place that they do not know. */
const NOWHERE: ReadonlySet<string> = new Set(['-', 'unknown']);

/** The name of a place, or of what was used there; undefined when the provider does not know it. */
export function knownOf(value: unknown): string | undefined {
  const text = textOf(value);
  return text !== undefined && NOWHERE.has(text.toLowerCase()) ? undefined : text;
}

/**
 * A country's ISO 3166 code, from the code or from its English name: providers send either.
 *
 * @returns undefined for anything else.
 */
export function countryOf(value: unknown): string | undefined {
  const text = knownOf(value);
  if (text === undefined) return undefined;
  if (/^[a-z]{2}$/i.test(text)) return text.toUpperCase();
  codesByName ??= readCodes();
  return codesByName.get(text.toLowerCase());
}

let codesByName: ReadonlyMap<string, string> | undefined;

/** The English names of all countries, as Node's own tables have them. */
function readCodes(): ReadonlyMap<string, string> {
  const names = new Intl.DisplayNames('en', { type: 'region', fallback: 'none' });
  const letters = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZ'];
  const codes = letters.flatMap((first) => letters.map((second) => first + second));
  // Withdrawn codes are known under the names of what came after them.
  const current = codes.filter((code) => new Intl.Locale(`und-${code}`).region === code);
  return new Map(current.flatMap((code) => nameOf(names, code)));
}

function nameOf(names: Intl.DisplayNames, code: string): [name: string, code: string][] {
  const name = names.of(code);
  return name ? [[name.toLowerCase(), code]] : [];
}
