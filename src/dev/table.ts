import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Addresses } from './run-state.js';

/** Rows of two columns, the first as wide as it must be. */
export function table(rows: readonly (readonly [string, string])[]): string {
  const columns = Math.max(...rows.map(([name]) => name.length));
  return rows.map(([name, value]) => `  ${name.padEnd(columns)}  ${value}`).join('\n');
}

/** A word as a shell takes it, whatever is in it. */
export const shellQuote = (word: string) => `'${word.replaceAll("'", `'\\''`)}'`;

/** Writes the small file the example sends along. @returns its path. */
export function writeSample(dataDir: string): string {
  const path = join(dataDir, 'sample.txt');
  writeFileSync(path, 'A small attachment, sent with Tempost.\n');
  return path;
}

/**
 * A command that submits an e-mail with an attachment, to be pasted as it is, in any folder.
 *
 * @param attachment an absolute path.
 */
export function exampleCurl({ api, apiKey }: Pick<Addresses, 'api' | 'apiKey'>, attachment: string): string {
  // curl takes `;` and `,` in a file's name as its own signs, unless the name is quoted.
  const file = `attachment=@"${attachment.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
  const form = [
    'sender=hello@example.com',
    'receiver=reader@example.org',
    'subject=Hello from Tempost',
    'content=It works.',
    'priority=critical',
    file,
  ];
  const lines = [
    `curl -sS ${shellQuote(`${api}/api/send`)}`,
    `-H ${shellQuote(`Authorization: Bearer ${apiKey}`)}`,
    ...form.map((field) => `-F ${shellQuote(field)}`),
  ];
  return lines.join(' \\\n  ');
}

/** The one table of a run, and the command to begin with. */
export function banner(addresses: Addresses, folders: readonly (readonly [string, string])[], curl: string): string {
  const optional = (name: string, url: string | undefined): [string, string][] => (url ? [[name, url]] : []);
  const rows: [string, string][] = [
    ['API', addresses.api],
    ['Webhooks', addresses.webhooks],
    ...optional('Inbox', addresses.inbox),
    ...optional('Temporal Web UI', addresses.temporalUi),
    ['Temporal', addresses.temporal],
    ...optional('Provider sandbox', addresses.sandbox),
    ['PostgreSQL', addresses.database],
    ...folders.map(([name, path]): [string, string] => [name, path]),
  ];
  return ['', table(rows), '', 'Send an e-mail with an attachment:', '', curl, ''].join('\n');
}
