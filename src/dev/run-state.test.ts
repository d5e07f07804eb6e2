import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { patient } from '../../test/support/patience.js';
import { processStartTime } from './processes/process.js';
import { AlreadyRunningError, endOrphans, RunState, readAddresses } from './run-state.js';

let dataDir: string;
const started: number[] = [];

beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'tempost-run-'));
});
afterEach(() => {
  for (const pid of started.splice(0)) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It has ended, as the test wanted.
    }
  }
  rmSync(dataDir, { recursive: true, force: true });
});

const acquire = () => RunState.acquire(dataDir, () => {});

/** A process that ends at SIGTERM, and writes when. */
async function startProcess(name: string): Promise<number> {
  const code = `process.on('SIGTERM', () => { require('node:fs').appendFileSync(process.argv[1], '${name}\\n'); process.exit(0); });
    setInterval(() => {}, 1000); console.log('up');`;
  const child = spawn(process.execPath, ['-e', code, join(dataDir, 'ended')], {
    detached: true,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  started.push(child.pid as number);
  await once(child.stdout, 'data');
  return child.pid as number;
}

/** The state as a killed `npm start` leaves it: its own process is gone. */
function leaveBehind(processes: { name: string; pid: number; startTime?: string }[]): void {
  const gone = { name: 'npm start', pid: 2 ** 22, startTime: 'long ago' };
  writeFileSync(join(dataDir, 'run.lock'), JSON.stringify(gone));
  const records = processes.map((record) => ({ startTime: processStartTime(record.pid), ...record }));
  writeFileSync(join(dataDir, 'run.json'), JSON.stringify({ supervisor: gone, stopping: false, processes: records }));
}

it('lets one run at a time have a data folder', async () => {
  const { state } = await acquire();
  await expect(acquire()).rejects.toThrow(AlreadyRunningError);
  state.release();
  (await acquire()).state.release();
  expect(readdirSync(dataDir)).toEqual([]);
});

it('waits for a run that is just stopping', async () => {
  const { state } = await acquire();
  state.markStopping();
  const next = RunState.acquire(dataDir, () => state.release());
  (await next).state.release();
});

it('recognises what a killed run left, and ends it in order', async () => {
  const api = await startProcess('api');
  const worker = await startProcess('worker');
  leaveBehind([
    { name: 'worker', pid: worker },
    { name: 'api', pid: api },
  ]);
  const { state, orphans } = await acquire();
  expect(orphans.map((orphan) => orphan.name).sort()).toEqual(['api', 'worker']);
  await endOrphans(orphans, [['api'], ['worker']], patient(5_000));
  expect(readFileSync(join(dataDir, 'ended'), 'utf8')).toBe('api\nworker\n');
  state.release();
});

it('never touches a process that only has the id of one it once started', async () => {
  const stranger = await startProcess('stranger');
  leaveBehind([{ name: 'api', pid: stranger, startTime: 'another time' }]);
  const { state, orphans } = await acquire();
  expect(orphans).toEqual([]);
  await endOrphans(orphans, [['api']], patient(5_000));
  expect(processStartTime(stranger)).toBeDefined();
  state.release();
});

it('starts on what a kill cut off in the middle', async () => {
  writeFileSync(join(dataDir, 'run.lock'), '');
  writeFileSync(join(dataDir, 'run.json'), '{"supervisor":');
  const { state, orphans } = await acquire();
  expect(orphans).toEqual([]);
  state.release();
});

it('still knows the orphans when it is killed itself before they are ended', async () => {
  const api = await startProcess('api');
  leaveBehind([{ name: 'api', pid: api }]);
  await acquire();
  const kept = JSON.parse(readFileSync(join(dataDir, 'run.json'), 'utf8'));
  expect(kept.processes).toEqual([{ name: 'api', pid: api, startTime: processStartTime(api) }]);
});

it('tells others where the system is while it is up, and keeps the key to its owner', async () => {
  const { state } = await acquire();
  expect(readAddresses(dataDir)).toBeUndefined();
  const addresses = { api: 'http://a', webhooks: 'http://w', database: 'd', temporal: 't', apiKey: 'k' };
  state.publish(addresses);
  expect(readAddresses(dataDir)).toEqual(addresses);
  expect(statSync(join(dataDir, 'run.json')).mode & 0o077).toBe(0);
  state.markStopping();
  expect(readAddresses(dataDir)).toBeUndefined();
  state.release();
  expect(existsSync(join(dataDir, 'run.json'))).toBe(false);
});
