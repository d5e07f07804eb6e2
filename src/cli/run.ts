import { parseArgs } from 'node:util';
import { NoAnswerError, ProblemError, TempostError } from '../../client/index.js';
import { findApi, OtherEndError, UsageError } from './api.js';
import { type Command, type Console, OPTIONS, type OptionName, type Output, type Values } from './command.js';
import { COMMANDS, descriptionOf, GROUPS, optionsOf, usageOf } from './commands.js';
import { ENVIRONMENT, EXIT_CODES } from './words.js';

/**
 * Runs one `tempost` command.
 *
 * @returns the exit code, as `EXIT_CODES` explains them.
 */
export async function runCli(argv: readonly string[], env: NodeJS.ProcessEnv, console: Console): Promise<number> {
  try {
    const { values, positionals } = parse(argv);
    if (positionals.length === 0 || positionals[0] === 'help') {
      const named = values.help ? undefined : find(positionals.slice(1));
      console.out(named ? helpOf(named.name, named.command) : overview());
      return 0;
    }
    const { name, command, words } = readLine(values, positionals);
    if (values.help) {
      console.out(helpOf(name, command));
      return 0;
    }
    await say(start(command, env, words, values, console), values.json === true, console);
    return 0;
  } catch (error) {
    const code = exitCodeOf(error);
    if (code === undefined) throw error;
    console.error(error instanceof ProblemError ? refusal(error) : (error as Error).message);
    return code;
  }
}

function start(command: Command, env: NodeJS.ProcessEnv, words: readonly string[], values: Values, console: Console) {
  if ('runAlone' in command) return command.runAlone(words);
  // Not a promise of the function's own: what is wrong with the line is said before anything is connected.
  if ('runOnRecord' in command) return command.runOnRecord(env, words, values, console);
  return command.run(findApi(env), words, values, console);
}

/** Which command a line means. @throws UsageError when there is none, or it does not take what is given. */
export function parseLine(argv: readonly string[]) {
  const { values, positionals } = parse(argv);
  return readLine(values, positionals);
}

function readLine(values: Values, positionals: readonly string[]) {
  const found = find(positionals);
  if (!found) throw new UsageError(`"${positionals[0]}" is not a command; see tempost --help.`);
  if (!values.help) check(found.name, found.command, found.words, values);
  return found;
}

async function say(output: Output | Promise<Output> | AsyncIterable<Output>, isJson: boolean, console: Console) {
  const isPieces = Symbol.asyncIterator in output;
  for await (const { json, text, isPiece } of isPieces ? output : [output]) {
    console.out(isJson ? JSON.stringify(json, null, isPiece ? 0 : 2) : text);
  }
}

function exitCodeOf(error: unknown): number | undefined {
  if (error instanceof UsageError || isNamed(error, 'ConfigError')) return 2;
  if (error instanceof NoAnswerError) return 3;
  if (error instanceof OtherEndError) return 4;
  return error instanceof TempostError || isNamed(error, 'RefusedError') ? 1 : undefined;
}

/** By name: those classes are loaded by the commands alone that need them. */
const isNamed = (error: unknown, name: string) => error instanceof Error && error.name === name;

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
  const usage = `usage: ${usageOf(name, command)}`;
  if (words.length > command.words) throw new UsageError(`"${words[command.words]}" is too much; ${usage}`);
  const unknown = (Object.keys(values) as OptionName[]).find((option) => !optionsOf(command).includes(option));
  if (unknown) throw new UsageError(`"tempost ${name}" knows no --${unknown}; ${usage}`);
}

const helpOf = (name: string, command: Command) =>
  [`usage: ${usageOf(name, command)}`, '', descriptionOf(command), '', `Example: ${command.example}`].join('\n');

function overview(): string {
  const width = Math.max(...Object.keys(COMMANDS).map((name) => name.length));
  const groups = GROUPS.flatMap(([title, commands]) => [
    '',
    `${title}:`,
    ...Object.entries(commands).map(([name, { summary }]) => `  ${name.padEnd(width)}  ${summary}`),
  ]);
  const codes = Object.entries(EXIT_CODES).map(([code, words]) => `${code} ${words}`);
  return [
    'usage: tempost COMMAND [--json]',
    ...groups,
    '',
    'tempost COMMAND --help tells more. --json prints what the API answered.',
    '',
    ...Object.entries(ENVIRONMENT).map(([name, words]) => `${name.padEnd(15)}  ${words}`),
    'Without both, the system that "npm start" runs in this folder is meant.',
    '',
    `Exit codes: ${codes.join(', ')}.`,
  ].join('\n');
}
