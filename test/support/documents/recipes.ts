import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const read = (path: string) => readFileSync(join(root, path), 'utf8');

/** What tells a reader how to use and operate a system. `docs/cli.md` is made from the commands themselves. */
export const GUIDES: readonly string[] = [
  'README.md',
  ...['docs', 'deploy'].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.md') && name !== 'cli.md' && !name.startsWith('decisions'))
      .map((name) => join(folder, name)),
  ),
];

/** A command that a reader may copy, and the program it runs. */
export interface Recipe {
  readonly line: string;
  readonly program: 'temporal' | 'tempost' | 'curl';
  /** What follows the program, taken apart as a shell does. */
  readonly words: readonly string[];
}

/** Every way in which the documents call a program. */
const PROGRAMS = [
  [/^temporal /, 'temporal'],
  [/^(?:npx tempost|npm run (?:--silent )?tempost --) /, 'tempost'],
  [/^curl /, 'curl'],
] as const;

/** `'*'` and `"two words"` are one word each. */
const wordsOf = (text: string) =>
  [...text.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)].map(([, double, single, bare]) => double ?? single ?? bare ?? '');

/** Blocks of shell. */
export const blocksIn = (path: string): string[] =>
  [...read(path).matchAll(/```sh\n([\s\S]*?)```/g)].map(([, block]) => block!);

/** An odd number of quotation marks: what is in them goes on in the next line. */
const isOpen = (text: string) => (text.match(/'/g)?.length ?? 0) % 2 === 1;

/** The commands of a block, each in one line, without remarks. */
export function commandsOf(block: string): string[] {
  const commands: string[] = [];
  let begun = '';
  for (const line of block.replaceAll(/\\\n\s*/g, '').split('\n')) {
    begun = begun ? `${begun}\n${line}` : line.replace(/(?:^|\s+)#\s.*$/, '').trim();
    if (isOpen(begun)) continue;
    if (begun) commands.push(begun);
    begun = '';
  }
  return commands;
}

/** @returns undefined for what is none, or only shows how one is put together. */
export function recipeOf(line: string): Recipe | undefined {
  if (/(?<!")…|\[|\||COMMAND$/.test(line) && !line.startsWith('curl ')) return undefined;
  for (const [prefix, program] of PROGRAMS) {
    if (prefix.test(line)) return { line, program, words: wordsOf(line.replace(prefix, '')) };
  }
  return undefined;
}

const codeIn = (text: string) => [...text.matchAll(/`([^`]+)`/g)].map(([, code]) => code!.replaceAll(/\s+/g, ' '));

/** Of several documents, each once: what stands in blocks of shell, and in the text. */
export function recipesIn(paths: readonly string[]): Recipe[] {
  const lines = paths.flatMap((path) => [
    ...blocksIn(path).flatMap(commandsOf),
    ...codeIn(read(path).replaceAll(/```[\s\S]*?```/g, '')),
  ]);
  return [...new Set(lines)].flatMap((line) => recipeOf(line) ?? []);
}

/** A row of a table of questions. */
export interface Question {
  readonly question: string;
  readonly recipes: readonly Recipe[];
  readonly testedBy: readonly string[];
}

/** The questions of a night on call. In their table commands are written without `npx`. */
export const QUESTIONS: readonly Question[] = readQuestions();

function readQuestions(): Question[] {
  const sections = read('docs/operating.md').split(/^## /m);
  const table = sections.find((each) => each.startsWith('Eighteen questions')) ?? '';
  const rows = table
    .split('\n')
    .filter((line) => line.startsWith('| '))
    .slice(2);
  return rows.map((row) => {
    const [, question, answer, testedBy] = row.split('|').map((cell) => cell.trim());
    const commands = codeIn(answer!).filter((code) => code.startsWith('tempost '));
    const recipes = commands.map((command) => recipeOf(`npx ${command}`)!);
    return { question: question!, recipes, testedBy: codeIn(testedBy!) };
  });
}
