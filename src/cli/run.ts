import { parseArgs } from 'node:util';
import { NoAnswerError, ProblemError, TempostError } from '../../client/index.js';
import { findApi, UsageError } from './api.js';
import { type Command, type Commands, OPTIONS, type OptionName, type Values } from './command.js';
import { auditCommands } from './commands/audit.js';
import { clientCommands } from './commands/clients.js';
import { deadLetterCommands } from './commands/dead-letters.js';
import { emailCommands } from './commands/emails.js';
import { holdCommands } from './commands/holds.js';
import { keyCommands } from './commands/keys.js';
import { providerCommands } from './commands/providers.js';
import { queueCommands } from './commands/queues.js';
import { searchCommands } from './commands/search.js';
import { senderCommands } from './commands/senders.js';
import { serviceLevelCommands } from './commands/service-levels.js';
import { suppressionCommands } from './commands/suppressions.js';

const GROUPS: readonly [title: string, commands: Commands][] = [
  ['Sending', { ...queueCommands, ...holdCommands, ...serviceLevelCommands }],
  ['Providers', providerCommands],
  ['E-mails', { ...searchCommands, ...emailCommands }],
  ['Dead letters', deadLetterCommands],
  ['Suppressions', suppressionCommands],
  ['Audit', auditCommands],
  ['Clients', { ...clientCommands, ...keyCommands, ...senderCommands }],
];
const COMMANDS: Commands = Object.assign({}, ...GROUPS.map(([, commands]) => commands));

interface Console {
  out(text: string): void;
  error(text: string): void;
}

/**
 * Runs one `tempost` command.
 *
 * @returns the exit code: 0 done, 1 refused by the API, 2 not a command, 3 no answer.
 */
export async function runCli(argv: readonly string[], env: NodeJS.ProcessEnv, console: Console): Promise<number> {
  try {
    const { values, positionals } = parse(argv);
    if (positionals.length === 0 || positionals[0] === 'help') {
      const named = values.help ? undefined : find(positionals.slice(1));
      console.out(named ? helpOf(named.name, named.command) : overview());
      return 0;
    }
    const found = find(positionals);
    if (!found) throw new UsageError(`"${positionals[0]}" is not a command; see tempost --help.`);
    const { name, command, words } = found;
    if (values.help) {
      console.out(helpOf(name, command));
      return 0;
    }
    check(name, command, words, values);
    const output = await command.run(findApi(env), words, values);
    console.out(values.json ? JSON.stringify(output.json, null, 2) : output.text);
    return 0;
  } catch (error) {
    const code = exitCodeOf(error);
    if (code === undefined) throw error;
    console.error(error instanceof ProblemError ? refusal(error) : (error as Error).message);
    return code;
  }
}

function exitCodeOf(error: unknown): number | undefined {
  if (error instanceof UsageError) return 2;
  if (error instanceof NoAnswerError) return 3;
  return error instanceof TempostError ? 1 : undefined;
}

/** What a problem says, in lines: its sentence, its code, every fault. */
const refusal = ({ message, errors }: ProblemError) =>
  [message, ...errors.map((fault) => `  ${fault.field}: ${fault.message}`)].join('\n');

function parse(argv: readonly string[]): { values: Values; positionals: string[] } {
  try {
    return parseArgs({ args: [...argv], options: OPTIONS, allowPositionals: true });
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

/** The command that the first two words name, or the first one. */
function find(positionals: readonly string[]) {
  for (const count of [2, 1]) {
    const name = positionals.slice(0, count).join(' ');
    const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
    if (command) return { name, command, words: positionals.slice(count) };
  }
  return undefined;
}

function check(name: string, command: Command, words: readonly string[], values: Values): void {
  if (words.length > command.words)
    throw new UsageError(`"${words[command.words]}" is too much; ${usageOf(name, command)}`);
  const known: readonly OptionName[] = ['json', 'help', ...(command.options ?? [])];
  const unknown = (Object.keys(values) as OptionName[]).find((option) => !known.includes(option));
  if (unknown) throw new UsageError(`"tempost ${name}" knows no --${unknown}; ${usageOf(name, command)}`);
}

const usageOf = (name: string, { usage }: Command) => `usage: tempost ${name} ${usage}`.trimEnd();

function helpOf(name: string, command: Command): string {
  const { summary, help } = command;
  return [
    usageOf(name, command),
    '',
    `${summary[0]!.toUpperCase()}${summary.slice(1)}.`,
    ...(help ? ['', help] : []),
  ].join('\n');
}

function overview(): string {
  const width = Math.max(...Object.keys(COMMANDS).map((name) => name.length));
  const groups = GROUPS.flatMap(([title, commands]) => [
    '',
    `${title}:`,
    ...Object.entries(commands).map(([name, { summary }]) => `  ${name.padEnd(width)}  ${summary}`),
  ]);
  return [
    'usage: tempost COMMAND [--json]',
    ...groups,
    '',
    'tempost COMMAND --help tells more. --json prints what the API answered.',
    '',
    'TEMPOST_URL      the API’s address (default: http://127.0.0.1:3000)',
    'TEMPOST_API_KEY  an operator’s key. Without both, the system that "npm start" runs in this folder is meant.',
    '',
    'Exit codes: 0 done, 1 refused, 2 not understood, 3 no answer from the API.',
  ].join('\n');
}
