/** Names are compared up to here. */
const MAX_NAME_LENGTH = 100;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;

/**
 * Finds the values of some fields of a JSON object, as their bytes, without building anything of the rest: one pass,
 * however deep it is nested, at a small part of what parsing costs. It looks only at what it needs: that the whole is
 * JSON is not known afterwards.
 *
 * @param json a whole body.
 * @returns the last value of each name, as `JSON.parse` would have it; undefined when this is no object, or one that
 *   breaks off before any of the fields.
 */
export function findJsonFields(json: Buffer, names: readonly string[]): Map<string, Buffer> | undefined {
  const found = new Map<string, Buffer>();
  let at = skipSpace(json, 0);
  if (json[at] !== OPEN_BRACE) return undefined;
  at = skipSpace(json, at + 1);
  while (json[at] === QUOTE) {
    const nameEnd = endOfText(json, at);
    const name = json.toString('latin1', at + 1, Math.min(nameEnd - 1, at + MAX_NAME_LENGTH));
    at = skipSpace(json, nameEnd);
    if (json[at] !== COLON) break;
    const valueStart = skipSpace(json, at + 1);
    at = endOfValue(json, valueStart);
    if (names.includes(name)) found.set(name, json.subarray(valueStart, at));
    at = skipSpace(json, at);
    if (json[at] !== COMMA) break;
    at = skipSpace(json, at + 1);
  }
  return found.size > 0 || json[at] === CLOSE_BRACE ? found : undefined;
}

function skipSpace(json: Buffer, at: number): number {
  let next = at;
  for (let byte = json[next]; byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09; byte = json[next]) {
    next++;
  }
  return next;
}

/** @param at of the opening quote. @returns the position after the closing one. */
function endOfText(json: Buffer, at: number): number {
  for (let next = at + 1; next < json.length; next++) {
    const byte = json[next];
    if (byte === BACKSLASH) next++;
    else if (byte === QUOTE) return next + 1;
  }
  return json.length;
}

function endOfValue(json: Buffer, at: number): number {
  if (json[at] === QUOTE) return endOfText(json, at);
  let depth = 0;
  for (let next = at; next < json.length; ) {
    const byte = json[next];
    if (byte === QUOTE) {
      next = endOfText(json, next);
      continue;
    }
    if (byte === OPEN_BRACE || byte === OPEN_BRACKET) depth++;
    else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) {
      if (depth === 0) return next;
      if (--depth === 0) return next + 1;
    } else if (byte === COMMA && depth === 0) return next;
    next++;
  }
  return json.length;
}
