import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { PlannedProcess } from './plan.js';
import type { Addresses } from './run-state.js';

/** Rows of two columns, the first as wide as it must be. */
export function table(rows: readonly (readonly [string, string])[]): string {
  const columns = Math.max(...rows.map(([name]) => name.length));
  return rows.map(([name, value]) => `  ${name.padEnd(columns)}  ${value}`).join('\n');
}

/** A word as a shell takes it, whatever is in it. */
const shellQuote = (word: string) => `'${word.replaceAll("'", `'\\''`)}'`;

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

/** Items behind one another, in lines no longer than a terminal is wide. */
function wrapped(items: readonly string[], width: number): string[] {
  const lines: string[] = [];
  for (const item of items) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + item.length + 2 <= width) lines[lines.length - 1] = `${last}, ${item}`;
    else lines.push(item);
  }
  return lines;
}

/** What a banner tells, beside the addresses. */
interface BannerFacts {
  readonly folders: readonly (readonly [string, string])[];
  readonly pids: ReadonlyMap<string, number>;
  readonly planned: readonly PlannedProcess[];
  /** See `exampleCurl`. */
  readonly curl: string;
  /** See `consoleAddress`. */
  readonly console: string;
}

/** The one table of a run, and the commands to begin with. */
export function banner(addresses: Addresses, { folders, pids, planned, curl, console }: BannerFacts): string {
  const optional = (name: string, value: string | undefined): [string, string][] => (value ? [[name, value]] : []);
  const processes = wrapped(
    [...pids].map(([name, pid]) => `${name} ${pid}`),
    70,
  );
  const others = wrapped(
    planned.flatMap(({ name, metricsPort: port }) => (port && name !== 'dispatcher' ? [`${name} on ${port}`] : [])),
    70,
  );
  const rows: [string, string][] = [
    ['API', addresses.api],
    ['Webhooks', addresses.webhooks],
    ...optional('Inbox', addresses.inbox),
    ...optional('Temporal Web UI', addresses.temporalUi),
    ['Temporal', addresses.temporal],
    ...optional('Temporal command', addresses.temporalCli),
    ...optional('Provider sandbox', addresses.sandbox),
    ...optional('Metrics', addresses.metrics),
    ...others.map((line, index): [string, string] => [index === 0 ? 'Other metrics' : '', line]),
    ['PostgreSQL', addresses.database],
    ...folders.map(([name, path]): [string, string] => [name, path]),
    ...processes.map((line, index): [string, string] => [index === 0 ? 'Process ids' : '', line]),
  ];
  const commands = [
    'Open the console. This address signs you in once, for a quarter of an hour; later `npm run --silent tempost console`',
    'prints another one:',
    '',
    console,
    '',
    'Set the key, for the commands in the README:',
    '',
    `export KEY=${shellQuote(addresses.apiKey)}`,
    '',
    'Send an e-mail with an attachment:',
    '',
    curl,
  ];
  return ['', table(rows), '', ...commands, ''].join('\n');
}
