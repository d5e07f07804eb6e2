import type { Api } from './api.js';
import { UsageError } from './api.js';

/** Every option of every command, as `parseArgs` takes them; each means the same everywhere. */
export const OPTIONS = {
  help: { type: 'boolean', short: 'h' },
  json: { type: 'boolean' },
  reason: { type: 'string' },
  provider: { type: 'string' },
  receiver: { type: 'string' },
  sender: { type: 'string' },
  status: { type: 'string' },
  tag: { type: 'string' },
  metadata: { type: 'string', multiple: true },
  priority: { type: 'string' },
  code: { type: 'string' },
  client: { type: 'string' },
  'receiver-domain': { type: 'string' },
  'dead-reason': { type: 'string' },
  from: { type: 'string' },
  to: { type: 'string' },
  state: { type: 'string' },
  limit: { type: 'string' },
  through: { type: 'string' },
  address: { type: 'string' },
  action: { type: 'string' },
  after: { type: 'string' },
  'sender-domain': { type: 'string' },
  reject: { type: 'boolean' },
  key: { type: 'string' },
  kind: { type: 'string' },
  target: { type: 'string' },
  source: { type: 'string' },
  all: { type: 'boolean' },
  'dry-run': { type: 'boolean' },
  operator: { type: 'boolean' },
  by: { type: 'string' },
  objective: { type: 'string' },
  'per-client': { type: 'boolean' },
  name: { type: 'string' },
  role: { type: 'string' },
  scope: { type: 'string' },
  expires: { type: 'string' },
  allow: { type: 'string' },
  overlap: { type: 'string' },
  rate: { type: 'string' },
  burst: { type: 'string' },
  'read-rate': { type: 'string' },
  'read-burst': { type: 'string' },
  subject: { type: 'string' },
  text: { type: 'string' },
  html: { type: 'string' },
  'reply-to': { type: 'string' },
  headers: { type: 'string' },
  attachment: { type: 'string' },
  'send-at': { type: 'string' },
  'track-opens': { type: 'string' },
  'idempotency-key': { type: 'string' },
  follow: { type: 'boolean' },
  until: { type: 'string' },
  'to-file': { type: 'string' },
  'restored-to': { type: 'string' },
  temporal: { type: 'string' },
  verdict: { type: 'string' },
  'to-receiver': { type: 'string' },
  'to-domain': { type: 'string' },
} as const;

export type OptionName = keyof typeof OPTIONS;
export type Values = {
  readonly [Name in OptionName]?: (typeof OPTIONS)[Name] extends { readonly type: 'boolean' }
    ? boolean
    : (typeof OPTIONS)[Name] extends { readonly multiple: true }
      ? string[]
      : string;
};

/** What a command has to say: for programs, and for people. */
export interface Output {
  readonly json: unknown;
  readonly text: string;
  /** What is said piece by piece is a line of JSON each time. */
  readonly isPiece?: boolean;
}

/** Where a command speaks, and what it may read. */
export interface Console {
  out(text: string): void;
  error(text: string): void;
  /** All of the standard input; undefined when that is a terminal. */
  input?(): Promise<string | undefined>;
}

interface Described {
  /** What follows `tempost <name>`. */
  readonly usage: string;
  readonly summary: string;
  /** One that can be pasted; a test parses it. */
  readonly example: string;
  /** More lines for its own help. */
  readonly help?: string;
  /** Those it understands, besides `--json` and `--help`. */
  readonly options?: readonly OptionName[];
  /** The most words it takes after its name. */
  readonly words: number;
}

/** One that asks the API. What goes on for a while says it piece by piece. */
interface Asking extends Described {
  run(api: Api, words: readonly string[], values: Values, console: Console): Promise<Output> | AsyncIterable<Output>;
}

/** One that asks nobody. */
interface Alone extends Described {
  runAlone(words: readonly string[]): Output;
}

export type Environment = Readonly<Record<string, string | undefined>>;

/** One that works on the record itself, as a process does: for when no API can run. */
interface Working extends Described {
  runOnRecord(env: Environment, words: readonly string[], values: Values, console: Console): Promise<Output>;
}

export type Command = Asking | Alone | Working;

/** By name: one word, or two. */
export type Commands = Readonly<Record<string, Command>>;

/** @throws UsageError when the word is missing. */
export function need(word: string | undefined, what: string): string {
  if (word === undefined || word === '') throw new UsageError(`${what} is missing.`);
  return word;
}

/** A path with ids and names from the command line in it. */
export function path(parts: TemplateStringsArray, ...words: string[]): string {
  return String.raw({ raw: parts }, ...words.map(encodeURIComponent));
}

/** A query of what was given; a list is a name given several times. */
export function query(values: Readonly<Record<string, string | readonly string[] | undefined>>): string {
  const given = Object.entries(values).flatMap(([name, value]) => {
    const all = typeof value === 'string' ? [value] : (value ?? []);
    return all.map((one): [string, string] => [name, one]);
  });
  return given.length > 0 ? `?${new URLSearchParams(given)}` : '';
}
