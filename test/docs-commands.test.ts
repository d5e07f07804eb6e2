import { existsSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { blocksIn, commandsOf, GUIDES, QUESTIONS, recipeOf } from './support/documents/recipes.js';

/** Commands in blocks of shell that `test/recipes.test.ts` does not run, and why. */
const NOT_RUN: readonly (readonly [RegExp, string])[] = [
  [/^(?:export )?[A-Z_]+=/, 'sets a variable for what comes after it'],
  [/^for \w+ in .*; do$|^done$/, 'goes around a command that runs'],
  [/^npm (?:install|ci)\b/, 'installs; the tests run on what it installed'],
  [
    /^\(?(?:cd|cp|install|mkdir|apt|useradd|systemctl|psql|python3|sudo|cat|openssl) /,
    'is for the reader’s own machine',
  ],
  [/^\/opt\/patroni\//, 'needs three machines: `npm run drill -- --production`'],
  [/^\.\/namespace\.sh$/, 'runs in test/deploy.test.ts'],
  [/^(?:docker|kubectl|helm) /, 'needs a container engine or a cluster: `npm run check:deploy`'],
  [/^(?:promtool|amtool) /, 'needs Prometheus: `npm run check:deploy`, `test/prometheus.test.ts`'],
  [/^npm run (?:build|migrate|api|webhooks|dispatcher|worker|sandbox)\b/, 'is how every test runs the processes'],
  [/^npm run (?:demo|dev|seed|bench|drill|check|client:types)\b/, 'has tests of its own'],
];

describe('commands of the documents that do not run in test/recipes.test.ts', () => {
  const lines = GUIDES.flatMap((path) => blocksIn(path).flatMap(commandsOf)).filter((line) => !recipeOf(line));

  it('are listed here, with the reason', () => {
    expect(lines.filter((line) => !NOT_RUN.some(([pattern]) => pattern.test(line)))).toEqual([]);
  });

  it('are there: no reason is left over', () => {
    expect(NOT_RUN.filter(([pattern]) => !lines.some((line) => pattern.test(line))).map(String)).toEqual([]);
  });
});

describe('the eighteen questions of a night on call', () => {
  it('are eighteen, each with tests that exist', () => {
    expect(QUESTIONS.length).toBe(18);
    for (const { question, testedBy } of QUESTIONS) {
      expect(testedBy, question).not.toEqual([]);
      const files = testedBy.filter((name) => !name.startsWith('npm run '));
      expect(files.filter((name) => !existsSync(name), question)).toEqual([]);
    }
  });
});
