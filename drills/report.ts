import { appendFileSync, copyFileSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PRIORITIES } from '../src/priority.js';
import { attainmentLine } from './attainment.js';
import type { Count } from './count.js';
import type { DrillResult } from './run.js';
import { handOvers, timelines } from './timeline.js';
import type { World } from './world.js';

const RESULTS = fileURLToPath(new URL('results', import.meta.url));

const COLUMNS = [
  ['drill', 28],
  ['accepted', 8],
  ['handed over', 11],
  ['failed', 6],
  ['lost', 4],
  ['duplicates', 10],
  ['known', 5],
  ['possible', 8],
  ['critical', 8],
  ['medium', 7],
  ['low', 7],
  ['took', 5],
  ['load', 4],
] as const;

/** The head of the table that `row` fills. Times are the longest to hand-over. */
export const head = () => cells(COLUMNS.map(([name]) => name));

/** One drill's row. */
export function row(result: DrillResult): string {
  if (result.skipped) return `${result.drill.padEnd(COLUMNS[0][1])}  skipped: ${result.skipped}`;
  const { count } = result;
  const figures = count
    ? [
        ...[count.accepted, count.handedOver, count.failedAsExpected, count.lost],
        ...[count.duplicates, count.duplicatesKnown, count.duplicatesPossible],
        ...PRIORITIES.map((priority) => (count.longestS[priority] === null ? '-' : `${count.longestS[priority]} s`)),
      ]
    : Array.from({ length: COLUMNS.length - 3 }, () => '-');
  const line = cells([result.drill, ...figures.map(String), `${result.tookS} s`, String(result.load)]);
  const attained = result.attained ? [`    in time: ${attainmentLine(result.attained)}`] : [];
  return [line, ...attained, ...result.broken.map((promise) => `    BROKEN: ${promise}`)].join('\n');
}

const cells = (texts: readonly string[]) =>
  texts.map((text, n) => (n === 0 ? text.padEnd(COLUMNS[n]![1]) : text.padStart(COLUMNS[n]![1]))).join('  ');

/** Keeps the results of one run as JSON lines, and of each drill the logs and the lives of its strangest e-mails. */
export function keepResults(startedAt: Date) {
  const name = startedAt.toISOString().replaceAll(':', '-').slice(0, 19);
  mkdirSync(RESULTS, { recursive: true });
  const file = join(RESULTS, `${name}.jsonl`);
  return {
    file,
    /** @param result of a drill, or a line of the table of production. */
    keep(result: object): void {
      appendFileSync(file, `${JSON.stringify(result)}\n`);
    },
    async keepEvidence(drill: string, world: World, count: Count): Promise<void> {
      const folder = join(RESULTS, `${name}-${drill.replace('/', '-')}`);
      mkdirSync(folder, { recursive: true });
      writeFileSync(join(folder, 'emails.txt'), await timelines(world, count.suspects));
      writeFileSync(join(folder, 'hand-overs.csv'), await handOvers(world));
      const logs = readdirSync(world.stack.directory).filter((entry) => entry.endsWith('.log'));
      for (const log of logs) copyFileSync(join(world.stack.directory, log), join(folder, log));
    },
  };
}
