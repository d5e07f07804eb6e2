import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { patient } from '../../../test/support/patience.js';
import { childService } from './child.js';
import { processStartTime } from './process.js';
import { Supervisor } from './supervisor.js';

let folder: string;
let supervisor: Supervisor;
let said: string[];
let present: Map<string, number | undefined>;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tempost-supervisor-'));
  said = [];
  present = new Map();
  supervisor = new Supervisor({
    onProcess: (name, pid) => present.set(name, pid),
    say: (name, sentence) => said.push(`${name}: ${sentence}`),
    backoff: { firstMs: 10, maxMs: 40 },
  });
});

afterEach(() => {
  supervisor.kill();
  rmSync(folder, { recursive: true, force: true });
});

/** A process that says when it comes and when it is told to go; each in a line of the journal. */
const WELL_BEHAVED = `
  const { appendFileSync } = require('node:fs');
  const [name, journal] = process.argv.slice(2);
  process.on('SIGTERM', () => setTimeout(() => { appendFileSync(journal, name + ' ends\\n'); process.exit(0); }, 30));
  setInterval(() => {}, 1000);
  appendFileSync(journal, name + ' runs\\n');`;

const journal = () => {
  try {
    return readFileSync(join(folder, 'journal'), 'utf8').trim().split('\n');
  } catch {
    return [];
  }
};

/** Nobody who ends in order may be killed for being slow. */
const GRACE_MS = patient(10_000);

function child(
  name: string,
  code = WELL_BEHAVED,
  onLine: (name: string, line: string) => void = () => {},
  graceMs = GRACE_MS,
) {
  const script = join(folder, `${name}.cjs`);
  writeFileSync(script, code);
  const planned = { name, script, args: [name, join(folder, 'journal')] };
  return childService(planned, { env: process.env, graceMs, onLine });
}

const runs = (name: string, times: number) =>
  vi.waitFor(() => expect(journal().filter((line) => line === `${name} runs`)).toHaveLength(times), patient(10_000));

it('starts again what dies, and says so', async () => {
  await supervisor.run(child('api'));
  await runs('api', 1);
  for (const times of [2, 3]) {
    process.kill(supervisor.pids().get('api') as number, 'SIGKILL');
    await runs('api', times);
  }
  expect(said).toEqual([
    'api: ended (SIGKILL); starting it again in 10 ms',
    'api: ended (SIGKILL); starting it again in 20 ms',
  ]);
});

it('starts again at once what it is asked to restart, after its orderly end, and nothing else', async () => {
  for (const name of ['api', 'sandbox']) await supervisor.run(child(name));
  for (const name of ['api', 'sandbox']) await runs(name, 1);
  for (const times of [2, 3]) {
    await supervisor.restart(['api', 'unknown']);
    await runs('api', times);
  }
  expect(journal().filter((line) => line.startsWith('api'))).toEqual([
    'api runs',
    'api ends',
    'api runs',
    'api ends',
    'api runs',
  ]);
  expect(said).toEqual([]); // None of it was a death.
  await runs('sandbox', 1);
  await supervisor.stop([['api'], ['sandbox']]);
  expect(supervisor.pids().size).toBe(0);
});

it('waits longer from death to death, up to a bound', async () => {
  await supervisor.run(child('api', 'process.exit(3)'));
  await vi.waitFor(() => expect(said.length).toBeGreaterThanOrEqual(4), patient(10_000));
  expect(said.slice(0, 4)).toEqual([10, 20, 40, 40].map((ms) => `api: ended (exit 3); starting it again in ${ms} ms`));
});

it('ends everything in the order it is told, each only when the one before is gone', async () => {
  for (const name of ['postgres', 'worker-low', 'worker-medium', 'api']) await supervisor.run(child(name));
  for (const name of ['postgres', 'worker-low', 'worker-medium', 'api']) await runs(name, 1);
  const pids = [...supervisor.pids().values()];
  await supervisor.stop([['api'], ['worker-low', 'worker-medium'], ['sandbox'], ['postgres']]);

  const ends = journal().filter((line) => line.endsWith(' ends'));
  expect([ends[0], ends.slice(1, 3).sort(), ends[3]]).toEqual([
    'api ends',
    ['worker-low ends', 'worker-medium ends'],
    'postgres ends',
  ]);
  expect(pids.map(processStartTime)).toEqual([undefined, undefined, undefined, undefined]);
  expect(said).toEqual([]); // Nothing was restarted.
  expect([...present.values()]).toEqual([undefined, undefined, undefined, undefined]);
});

it('kills what does not end within its time', async () => {
  await supervisor.run(
    child(
      'deaf',
      `process.on('SIGTERM', () => {}); setInterval(() => {}, 1000); require('node:fs').writeFileSync(process.argv[3], 'deaf runs\\n');`,
      undefined,
      500,
    ),
  );
  await runs('deaf', 1);
  const pid = supervisor.pids().get('deaf') as number;
  await supervisor.stop([['deaf']]);
  expect(processStartTime(pid)).toBeUndefined();
});

it('ends what is waiting to be started again', async () => {
  await supervisor.run(child('api', 'process.exit(3)'));
  await vi.waitFor(() => expect(said).not.toEqual([]), patient(10_000));
  await supervisor.stop([['api']]);
  expect(supervisor.pids().size).toBe(0);
});

it('passes on what the first start throws, and tries again after later ones', async () => {
  let starts = 0;
  const real = child('temporal');
  const service = {
    name: 'temporal',
    start: (onSpawn: (pid: number) => void) => {
      starts++;
      return starts === 2 ? Promise.reject(new Error('port taken')) : real.start(onSpawn);
    },
  };
  await expect(supervisor.run({ name: 'other', start: () => Promise.reject(new Error('no binary')) })).rejects.toThrow(
    'no binary',
  );
  await supervisor.run(service);
  await runs('temporal', 1);
  process.kill(supervisor.pids().get('temporal') as number, 'SIGKILL');
  await runs('temporal', 2);
  expect(said).toEqual([
    'temporal: ended (SIGKILL); starting it again in 10 ms',
    'temporal: port taken; starting it again in 20 ms',
  ]);
});

it('starts nothing any more once it is stopping', async () => {
  await supervisor.stop([]);
  await expect(supervisor.run(child('api'))).rejects.toThrow();
  expect(journal()).toEqual([]);
});

it('hands on every line of both streams, with the name of who wrote it', async () => {
  const lines: string[] = [];
  const code = `console.log('one'); console.error('two'); setInterval(() => {}, 1000);`;
  await supervisor.run(child('api', code, (name, line) => lines.push(`${name}: ${line}`)));
  await vi.waitFor(() => expect(lines.sort()).toEqual(['api: one', 'api: two']), patient(10_000));
});
