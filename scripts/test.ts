// `npm test`. The files that start whole systems take turns, in a run of their own; all others run beside them. With
// arguments it is `vitest run` with these arguments.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { buildIfStale, root } from './dist.mjs';

/** A file that takes longer is named at the end, the slowest first. */
const SLOW_S = 20;
const SHOWN = 10;
const RUNS = [
  { name: 'parts', projects: ['unit', 'integration'] },
  { name: 'systems', projects: ['system'] },
] as const;

/** As far as we read Vitest's report in JSON. */
interface Results {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly numTodoTests: number;
  readonly testResults: readonly {
    readonly name: string;
    readonly startTime: number;
    readonly endTime: number;
    readonly assertionResults: readonly { readonly status: string; readonly fullName: string }[];
  }[];
}

const vitest = join(root, 'node_modules/vitest/vitest.mjs');
const given = process.argv.slice(2);
if (given.length > 0) {
  const { status } = spawnSync(process.execPath, [vitest, 'run', ...given], { cwd: root, stdio: 'inherit' });
  process.exit(status ?? 1);
}
// Both runs need it: it is made once, before they begin.
if (!buildIfStale()) process.exit(1);

const folder = mkdtempSync(join(tmpdir(), 'tempost-results-'));
const running = new Set<ChildProcess>();
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    for (const child of running) child.kill(signal);
  });
}
const codes = await Promise.all(RUNS.map(run));
const results = RUNS.map(({ name }) => readResults(name)).filter((result) => result !== undefined);
rmSync(folder, { recursive: true, force: true });
report(results);
process.exit(results.length === RUNS.length && codes.every((code) => code === 0) ? 0 : 1);

/** Runs some projects, one file at a time, and shows each line with the run's name before it. @returns the exit code. */
function run({ name, projects }: (typeof RUNS)[number]): Promise<number> {
  const args = ['run', '--maxWorkers=1', ...projects.flatMap((project) => ['--project', project])];
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${join(folder, `${name}.json`)}`];
  const child = spawn(process.execPath, [vitest, ...args, ...reporters], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, FORCE_COLOR: process.stdout.isTTY ? '1' : '0' },
  });
  running.add(child);
  const show = (to: NodeJS.WriteStream) => (line: string) => to.write(`${name.padEnd(7)} | ${line}\n`);
  createInterface({ input: child.stdout }).on('line', show(process.stdout));
  createInterface({ input: child.stderr }).on('line', show(process.stderr));
  return new Promise((resolve) => {
    child.on('close', (code) => {
      running.delete(child);
      resolve(code ?? 1);
    });
  });
}

function readResults(name: string): Results | undefined {
  try {
    return JSON.parse(readFileSync(join(folder, `${name}.json`), 'utf8')) as Results;
  } catch {
    process.stderr.write(`${name}: ended without results\n`);
    return undefined;
  }
}

/** What was slow, that nothing was repeated, what failed, and the counts. */
function report(all: readonly Results[]): void {
  const say = (text: string) => process.stdout.write(`${text}\n`);
  const files = all.flatMap(({ testResults }) => testResults);
  const slow = files
    .map(({ name, startTime, endTime }) => ({ name: name.slice(root.length), s: (endTime - startTime) / 1_000 }))
    .filter(({ s }) => s > SLOW_S)
    .sort((a, b) => b.s - a.s)
    .slice(0, SHOWN);
  say(`\nRepeated tests: 0, a test that fails once is mended. Files that took more than ${SLOW_S} s:`);
  for (const { name, s } of slow) say(`  ${s.toFixed(0).padStart(4)} s  ${name}`);
  for (const { name, assertionResults } of files) {
    const failed = assertionResults.filter(({ status }) => status === 'failed');
    for (const { fullName } of failed) say(`  FAILED  ${name.slice(root.length)}: ${fullName}`);
  }
  const sum = (count: 'numPassedTests' | 'numFailedTests' | 'numPendingTests' | 'numTodoTests') =>
    all.reduce((total, result) => total + result[count], 0);
  const skipped = sum('numPendingTests') + sum('numTodoTests');
  say(`\n${sum('numPassedTests')} passed, ${sum('numFailedTests')} failed, ${skipped} skipped`);
}
