// `npm test`. The files that start whole systems take turns, in a run of their own, two at a time where the machine is
// large enough. Those of them that mostly wait take turns among themselves, where there is memory for one more system;
// all others, the parts, run beside both, and after those that wait, so that all end at about the same time. With
// arguments it is `vitest run` with these arguments. What it says at the end is also written to the file that TEST_SUMMARY
// names, if any.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { PROBLEMS } from '../src/api/routing/problem-codes.js';
import { type Kind, testFilesByKind } from '../test/support/run/kinds.js';
import { buildIfStale, root } from './dist.mjs';

/** A file that takes longer is named at the end, the slowest first. */
const SLOW_S = 20;
const SHOWN = 10;
/** A system keeps most of a processor busy, its servers and a browser a second one, and takes up to 2 GB. */
const HAS_ROOM = totalmem() >= 7 * 2 ** 30;
const SYSTEMS_AT_ONCE = availableParallelism() >= 4 && HAS_ROOM ? 2 : 1;

interface Run {
  readonly name: string;
  readonly projects: readonly Kind[];
  readonly filesAtOnce: number;
  /** Of all files of these projects only such a share, `1/3`. */
  readonly shard?: string;
}
const parts = (shard?: number): Run => ({
  name: `parts${shard ?? ''}`,
  projects: ['unit', 'integration'],
  filesAtOnce: 1,
  ...(shard && { shard: `${shard}/3` }),
});
/** Lanes go on beside one another; the runs of a lane one after the other. */
const LANES: readonly (readonly Run[])[] = HAS_ROOM
  ? [
      [parts(1), parts(2)],
      [{ name: 'systems', projects: ['system'], filesAtOnce: SYSTEMS_AT_ONCE }],
      [{ name: 'waiting', projects: ['waiting'], filesAtOnce: 1 }, parts(3)],
    ]
  : [[parts()], [{ name: 'systems', projects: ['system', 'waiting'], filesAtOnce: SYSTEMS_AT_ONCE }]];
const RUNS = LANES.flat();

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
  /** Tests that ran again after they had failed: see `run-reporter.mjs`. */
  readonly repeated: readonly string[];
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
/** A signal ends what runs, and nothing is begun after it. */
let stopped = false;
/** By the name of a run. */
const tookS = new Map<string, number>();
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    stopped = true;
    for (const child of running) child.kill(signal);
  });
}
const codesSeen = join(folder, 'codes');
const codes = (await Promise.all(LANES.map(inTurn))).flat();
const unseen = unseenProblems();
const results = RUNS.map(({ name }) => readResults(name)).filter((result) => result !== undefined);
const left = filesLeft(results);
rmSync(folder, { recursive: true, force: true });
const summary = summaryOf(results);
process.stdout.write(`\n${summary}`);
if (unseen.length > 0) process.stdout.write(`Documented codes that no test produces: ${unseen.join(', ')}\n`);
if (left.length > 0) process.stdout.write(`Test files that did not run: ${left.join(', ')}\n`);
if (process.env.TEST_SUMMARY) writeFileSync(process.env.TEST_SUMMARY, summary);
const repeated = results.some((result) => result.repeated.length > 0);
const passed = results.length === RUNS.length && codes.every((code) => code === 0);
process.exit(passed && !repeated && unseen.length === 0 && left.length === 0 ? 0 : 1);

/** @returns the exit codes. */
async function inTurn(runs: readonly Run[]): Promise<number[]> {
  const ended: number[] = [];
  for (const each of runs) ended.push(stopped ? 1 : await run(each));
  return ended;
}

/** Runs some projects and shows each line with the run's name before it. @returns the exit code. */
function run({ name, projects, filesAtOnce, shard }: Run): Promise<number> {
  const startedAt = performance.now();
  const args = ['run', `--maxWorkers=${filesAtOnce}`, ...projects.flatMap((project) => ['--project', project])];
  if (shard) args.push(`--shard=${shard}`);
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${join(folder, `${name}.json`)}`];
  reporters.push('--reporter=./scripts/run-reporter.mjs');
  const child = spawn(process.execPath, [vitest, ...args, ...reporters], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...process.env,
      TEMPOST_CODES_SEEN: codesSeen,
      REPEATED_TESTS_FILE: join(folder, `${name}-repeated.json`),
      FORCE_COLOR: process.stdout.isTTY ? '1' : '0',
    },
  });
  running.add(child);
  const show = (to: NodeJS.WriteStream) => (line: string) => to.write(`${name.padEnd(7)} | ${line}\n`);
  createInterface({ input: child.stdout }).on('line', show(process.stdout));
  createInterface({ input: child.stderr }).on('line', show(process.stderr));
  return new Promise((resolve) => {
    child.on('close', (code) => {
      running.delete(child);
      tookS.set(name, (performance.now() - startedAt) / 1_000);
      resolve(code ?? 1);
    });
  });
}

/** Codes of problems that the API's description names and that no request of any test was refused with. */
function unseenProblems(): string[] {
  const seen = new Set(existsSync(codesSeen) ? readFileSync(codesSeen, 'utf8').split('\n') : []);
  return Object.keys(PROBLEMS).filter((code) => !seen.has(code));
}

/** Test files that are in no run's results: none may fall between the runs. */
function filesLeft(all: readonly Results[]): string[] {
  const ran = new Set(all.flatMap(({ testResults }) => testResults.map(({ name }) => name)));
  return Object.values(testFilesByKind())
    .flat()
    .filter((file) => !ran.has(join(root, file)));
}

function readResults(name: string): Results | undefined {
  try {
    const read = (file: string): unknown => JSON.parse(readFileSync(join(folder, file), 'utf8'));
    return { ...(read(`${name}.json`) as Results), repeated: read(`${name}-repeated.json`) as string[] };
  } catch {
    process.stderr.write(`${name}: ended without results\n`);
    return undefined;
  }
}

/** What was slow, what was repeated, what failed, and the counts. */
function summaryOf(all: readonly Results[]): string {
  const lines: string[] = [];
  const say = (line: string) => void lines.push(line);
  const files = all.flatMap(({ testResults }) => testResults);
  const slow = files
    .map(({ name, startTime, endTime }) => ({ name: name.slice(root.length), s: (endTime - startTime) / 1_000 }))
    .filter(({ s }) => s > SLOW_S)
    .sort((a, b) => b.s - a.s);
  const repeated = all.flatMap((result) => result.repeated);
  say(`${repeated.length} tests were repeated: one that fails once is mended.`);
  for (const name of repeated) say(`  REPEATED  ${name}`);
  say(`${slow.length} files took more than ${SLOW_S} s${slow.length > SHOWN ? `, the slowest ${SHOWN} of them` : ''}:`);
  for (const { name, s } of slow.slice(0, SHOWN)) say(`  ${s.toFixed(0).padStart(4)} s  ${name}`);
  for (const { name, assertionResults } of files) {
    const failed = assertionResults.filter(({ status }) => status === 'failed');
    for (const { fullName } of failed) say(`  FAILED  ${name.slice(root.length)}: ${fullName}`);
  }
  const times = RUNS.map(
    (each) => `${each.name} ${(tookS.get(each.name) ?? 0).toFixed(0)} s, ${each.filesAtOnce} at a time`,
  );
  say(times.join('; '));
  const sum = (count: 'numPassedTests' | 'numFailedTests' | 'numPendingTests' | 'numTodoTests') =>
    all.reduce((total, result) => total + result[count], 0);
  const skipped = sum('numPendingTests') + sum('numTodoTests');
  say(`${sum('numPassedTests')} passed, ${sum('numFailedTests')} failed, ${skipped} skipped`);
  return `${lines.join('\n')}\n`;
}
