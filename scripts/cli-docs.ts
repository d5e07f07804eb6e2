import { COMMANDS, descriptionOf, GROUPS, usageOf } from '../src/cli/commands.js';
import { ENVIRONMENT, EXIT_CODES } from '../src/cli/words.js';

const CODE = '```';

const list = (entries: Readonly<Record<string, string>>) =>
  Object.entries(entries).map(([name, words]) => `- \`${name}\`: ${words}`);

/** `docs/cli.md`, made of the table of commands. */
export function cliDocs(): string {
  const groups = GROUPS.flatMap(([title, commands]) => [
    `## ${title}`,
    '',
    ...Object.keys(commands).flatMap((name) => [
      `### tempost ${name}`,
      '',
      `${CODE}text`,
      usageOf(name, COMMANDS[name]!),
      '',
      descriptionOf(COMMANDS[name]!),
      CODE,
      '',
      `${CODE}sh`,
      COMMANDS[name]!.example,
      CODE,
      '',
    ]),
  ]);
  return [
    '# The command line',
    '',
    'This page is made from the table of commands by `npm run cli:docs`; a test compares both. What to do with the commands',
    'day by day is in [operating.md](operating.md).',
    '',
    '`npx tempost COMMAND`, after `npm run build`. It speaks to the API, and to nothing else; `tempost recover` alone works on',
    'PostgreSQL itself, with the environment of a worker.',
    '',
    ...list(ENVIRONMENT),
    '',
    'Without both, the system that `npm start` runs in this folder is meant. Each command takes `--json`, which prints what',
    'the API answered, and `--help`. It prints no colours.',
    '',
    'Exit codes:',
    '',
    ...list(EXIT_CODES as unknown as Record<string, string>),
    '',
    ...groups,
  ]
    .join('\n')
    .trimEnd()
    .concat('\n');
}
