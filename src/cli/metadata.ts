import { UsageError } from './api.js';

/**
 * What `--metadata` means, the same for every command: `NAME=VALUE` as often as it is needed, each a text; or a JSON
 * object, whose values keep their types.
 *
 * @returns undefined when it is not given. @throws UsageError for anything else.
 */
export function metadataOf(given: readonly string[] | undefined): Record<string, unknown> | undefined {
  return given && Object.assign({}, ...given.map(readOne));
}

function readOne(text: string): Record<string, unknown> {
  if (text.startsWith('{')) return jsonObject(text, 'metadata');
  const at = text.indexOf('=');
  if (at < 1) throw new UsageError('--metadata has to be NAME=VALUE, or a JSON object.');
  return { [text.slice(0, at)]: text.slice(at + 1) };
}

/** The filters of the API's search that metadata mean. @throws UsageError for what is not compared. */
export function metadataFilters(given: readonly string[] | undefined): string[] | undefined {
  const metadata = metadataOf(given);
  return (
    metadata &&
    Object.entries(metadata).map(([name, value]) => {
      if (typeof value === 'object')
        throw new UsageError('--metadata: only texts, numbers and truth values are compared.');
      return `${name}=${value}`;
    })
  );
}

/** @throws UsageError when it is none. */
export function jsonObject(text: string, option: string): Record<string, never> {
  try {
    const value = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
  } catch {
    // It is no JSON at all.
  }
  throw new UsageError(`--${option} has to be a JSON object.`);
}
