import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, lstatSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, inject, it, vi } from 'vitest';
import { patient } from '../../test/support/patience.js';
import { freePorts } from './ports.js';
import { removePostgresHome } from './postgres/server.js';
import { processStartTime } from './processes/process.js';
import { type Addresses, endOrphans, type ProcessRecord, readAddresses } from './run-state.js';
import { bootstrapApiKey } from './secrets.js';

// What `npm start` runs, as it was built; `npm test` builds it first.
const script = (name: string) => fileURLToPath(new URL(`../../dist/src/dev/${name}.js`, import.meta.url));

const PORTS = ['API', 'WEBHOOKS', 'POSTGRES', 'TEMPORAL', 'TEMPORAL_UI', 'SANDBOX', 'INBOX', 'INBOX_SMTP', 'METRICS'];
const READY_WITHIN_MS = patient(100_000);

let dataDir: string;
let env: NodeJS.ProcessEnv;

beforeAll(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'tempost-start-'));
  // As `mkdir .data` makes it.
  chmodSync(dataDir, 0o755);
  const free = await freePorts(PORTS.length);
  const ports = Object.fromEntries(PORTS.map((name, index) => [`${name}_PORT`, String(free[index])]));
  // Nothing of whoever runs the tests: no provider, no server, no npm that could go away.
  const { PATH, HOME } = process.env;
  env = { PATH, HOME, DATA_DIR: dataDir, TEMPORAL_CLI_PATH: inject('temporalCli'), LC_ALL: 'C', ...ports };
});

afterAll(async () => {
  await endOrphans(processes(), [], 1_000);
  removePostgresHome(join(dataDir, 'postgres'));
  rmSync(dataDir, { recursive: true, force: true });
});

/** What the running or killed `npm start` has written down of its processes. */
function processes(): ProcessRecord[] {
  try {
    return JSON.parse(readFileSync(join(dataDir, 'run.json'), 'utf8')).processes;
  } catch {
    return [];
  }
}

interface Run {
  readonly child: ChildProcess;
  readonly ended: Promise<unknown[]>;
  output(): string;
}

function start(overrides: NodeJS.ProcessEnv = {}): Run {
  // Another folder than the project's: nothing depends on where it is started, and no `.env` is read.
  const child = spawn(process.execPath, [script('main')], { env: { ...env, ...overrides }, cwd: tmpdir() });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (chunk) => {
      output += chunk;
    });
  }
  return { child, ended: once(child, 'exit'), output: () => output };
}

async function ready(run: Run): Promise<Addresses> {
  const down = run.ended.then(() => {
    throw new Error(`npm start ended:\n${run.output()}`);
  });
  const up = vi.waitFor(() => expect(readAddresses(dataDir)).toBeDefined(), {
    timeout: READY_WITHIN_MS,
    interval: 200,
  });
  await Promise.race([up, down]);
  return readAddresses(dataDir) as Addresses;
}

/** What a process loads before its own script, so that the worker of a priority does nothing until `release`. */
function holdingBack(priority: string): { readonly preload: string; readonly release: () => void } {
  const preload = join(dataDir, 'hold.cjs');
  const go = join(dataDir, 'go');
  const isHeld = `process.argv[1]?.endsWith('worker/main.js') && process.argv.includes('${priority}')`;
  const wait = 'Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 50)';
  const text = `if (${isHeld}) while (!require('node:fs').existsSync('${go}')) ${wait};`;
  writeFileSync(preload, text, { mode: 0o600 });
  return { preload, release: () => writeFileSync(go, '', { mode: 0o600 }) };
}

/** As the key's owner, before anything is printed. */
const authorized = () => ({ Authorization: `Bearer ${bootstrapApiKey(dataDir)}` });

async function submitCritical(): Promise<string> {
  const body = new FormData();
  const fields = { sender: 'shop@example.com', receiver: 'ada@example.org', subject: 's', content: 'c' };
  for (const [name, value] of Object.entries({ ...fields, priority: 'critical' })) body.set(name, value);
  const url = `http://127.0.0.1:${env.API_PORT}/api/send`;
  const answer = await fetch(url, { method: 'POST', headers: authorized(), body });
  return ((await answer.json()) as { id: string }).id;
}

const isDelivered = (id: string) =>
  vi.waitFor(
    async () => {
      const answer = await fetch(`http://127.0.0.1:${env.API_PORT}/api/email/${id}`, { headers: authorized() });
      expect(['delivered', 'opened']).toContain(((await answer.json()) as { status: string }).status);
    },
    { timeout: READY_WITHIN_MS, interval: 200 },
  );

const untilAnswered = (url: string) =>
  vi.waitFor(async () => expect((await fetch(url)).status).toBe(200), { timeout: READY_WITHIN_MS, interval: 100 });

/** The files that any user of this machine could read. */
function openToOthers(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    const { mode } = lstatSync(path);
    if (entry.isDirectory()) return mode & 0o001 ? openToOthers(path) : [];
    return entry.isFile() && mode & 0o004 ? [path] : [];
  });
}

/** Runs the README's commands as they stand, but for the ports, which are this run's. */
async function readmeWorks({ api, apiKey, temporal, sandbox }: Addresses): Promise<void> {
  const root = fileURLToPath(new URL('../..', import.meta.url));
  const blocks = [...readFileSync(join(root, 'README.md'), 'utf8').matchAll(/^```sh\n([\s\S]*?)^```$/gm)];
  const block = (part: string) => {
    const found = blocks.map(([, text]) => text!).filter((text) => text.includes(part));
    expect(found, part).toHaveLength(1);
    return found[0]!
      .replaceAll('http://127.0.0.1:3000', api)
      .replaceAll('http://127.0.0.1:3002', sandbox!)
      .replaceAll('127.0.0.1:7233', temporal);
  };
  const shell = async (command: string, more: Record<string, string> = {}) => {
    const options = { cwd: root, env: { PATH: env.PATH, KEY: apiKey, ...more } };
    return (await promisify(execFile)('sh', ['-euc', command], options)).stdout;
  };
  const { id, status } = JSON.parse(await shell(block('-F "sender=')));
  expect(status).toBe('queued');
  expect(JSON.parse(await shell(block('"track_opens"')))).toMatchObject({ status: 'queued' });
  const follow = block('/api/email/$ID').replace('export ID=…', `export ID=${id}`);
  expect(JSON.parse(await shell(follow))).toMatchObject({
    id,
    priority: 'medium',
    attachment: { filename: 'LICENSE' },
  });
  for (const faults of [block('/sandbox/faults'), block('/sandbox/faults').replace(/-d '.*'/, "-d '{}'")]) {
    expect(JSON.parse(await shell(faults))).toHaveProperty('mailgun');
  }
}

async function email({ api, apiKey }: Addresses, id: string): Promise<{ status: string; attachment: unknown }> {
  const answer = await fetch(`${api}/api/email/${id}`, { headers: { Authorization: `Bearer ${apiKey}` } });
  return (await answer.json()) as { status: string; attachment: unknown };
}

it('names the variable of every busy port, and starts nothing', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const port = String((server.address() as { port: number }).port);
  const run = start({ API_PORT: port, INBOX_PORT: env.SANDBOX_PORT });
  expect(await run.ended).toEqual([1, null]);
  server.close();
  expect(run.output()).toContain(`API_PORT: port ${port}, for the API, is taken`);
  expect(run.output()).toContain('INBOX_PORT: ');
  expect(processes()).toEqual([]);
});

it('runs the whole system, goes on after a kill -9 of itself, and ends in order', {
  timeout: patient(300_000),
}, async () => {
  const { preload, release } = holdingBack('low');
  const first = start({ NODE_OPTIONS: `--require=${preload}` });
  const { API_PORT, WEBHOOKS_PORT, METRICS_PORT } = env;
  const answers = [`${API_PORT}/readyz`, `${WEBHOOKS_PORT}/readyz`, `${METRICS_PORT}/metrics`];
  for (const path of answers) await untilAnswered(`http://127.0.0.1:${path}`);
  // Whatever answers by itself has answered, and mail goes out by another worker: still nobody is told that all is up.
  await isDelivered(await submitCritical());
  expect(readAddresses(dataDir)).toBeUndefined();
  expect(first.output()).not.toContain('ready: ');
  release();
  await ready(first);
  await vi.waitFor(() => expect(first.output()).toMatch(/ start +ready: /), patient(20_000));
  for (const { name, pid } of processes()) expect(first.output()).toMatch(new RegExp(`\\b${name} ${pid}\\b`));
  expect(first.output()).toMatch(new RegExp(`^ +Metrics +http://127.0.0.1:${env.METRICS_PORT}/metrics$`, 'm'));
  expect(first.output()).toMatch(/^export KEY='tempost-[\w-]+'$/m);
  const curl = /^curl[\s\S]*sample\.txt"'$/m.exec(first.output())?.[0] as string;
  const { stdout } = await promisify(execFile)('sh', ['-c', curl], { cwd: '/' });
  const { id } = JSON.parse(stdout);

  const rival = start();
  expect(await rival.ended).toEqual([1, null]);
  expect(rival.output()).toContain('is already running in');

  first.child.kill('SIGKILL');
  await first.ended;
  const orphans = processes();
  expect(orphans.map(({ name }) => name)).toContain('postgres');

  const second = start();
  const addresses = await ready(second);
  expect(orphans.filter(({ pid, startTime }) => processStartTime(pid) === startTime)).toEqual([]);
  const options = { timeout: patient(30_000), interval: 200 };
  await vi.waitFor(async () => expect((await email(addresses, id)).status).toBe('delivered'), options);
  expect((await email(addresses, id)).attachment).toMatchObject({ filename: 'sample.txt', size: 39 });

  await readmeWorks(addresses);

  const following = promisify(execFile)(process.execPath, [script('demo')], { env, cwd: tmpdir() });
  // As the README invites to: the demo goes on, and the terminal is told by the supervisor alone.
  process.kill(processes().find(({ name }) => name === 'postgres')!.pid, 'SIGKILL');
  const demo = await following.catch((error: Error) => {
    throw new Error(`${error.message}\n${second.output()}`);
  });
  expect(second.output()).toContain('ended (SIGKILL); starting it again');
  expect(second.output()).not.toContain('database connection lost');
  expect(demo.stdout).toContain('medium, with attachment');
  expect(demo.stdout.match(/queued → sent → delivered → opened/g)).toHaveLength(4);

  expect(openToOthers(dataDir)).toEqual([]);

  const running = processes();
  second.child.kill('SIGINT');
  expect(await second.ended).toEqual([0, null]);
  expect(running.filter(({ pid, startTime }) => processStartTime(pid) === startTime)).toEqual([]);
  const stopped = [...second.output().matchAll(/ (\S+) +stopped$/gm)].map((match) => match[1]);
  expect(stopped.slice(0, 3)).toEqual(['api', 'webhooks', 'dispatcher']);
  expect(processes()).toEqual([]);
});
