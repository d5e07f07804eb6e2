/**
 * Rate limits over two api processes, measured: what ten flooding clients are admitted while a process is killed and
 * started again, and what another client waits meanwhile. Run it with `npx tsx bench/rate-limits.ts`.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { freePort } from '../src/dev/ports.js';
import { type Db, openDatabase } from '../src/postgres/database.js';
import { insertClient, type TestClient } from '../test/support/database.js';
import { startTestPostgres } from '../test/support/servers/postgres.js';
import { quantile } from './harness/figures.js';
import { agent, ask, type Flooded } from './processes/rate-limits-flood.js';

const RATE = 4;
const BURST = 20;
const SECONDS = 20;
const CLIENTS = 10;
// A p99 of 300 answers is the third worst, which one pause of the machine decides.
const ROUNDS = 16;
const main = fileURLToPath(new URL('../dist/src/api/main.js', import.meta.url));
const floodMain = fileURLToPath(new URL('./processes/rate-limits-flood.ts', import.meta.url));

async function startApi(url: string, port: number): Promise<ChildProcess> {
  const env = { ...process.env, DATABASE_URL: url, API_PORT: String(port), LOG_LEVEL: 'error', ...SETTINGS };
  const child = spawn(process.execPath, [main], { env, stdio: ['ignore', 'ignore', 'inherit'] });
  while ((await ask(port, 'nobody')) === 0) await delay(100);
  return child;
}

const SETTINGS = { PROVIDERS: 'smtp', SMTP_URL: 'smtp://127.0.0.1:1', STORAGE_DIR: '/nonexistent', NICENESS: '0' };

/**
 * Floods from four requests at a time of each client, in a process of its own, so that what it works is no part of what
 * another client waits.
 */
async function flood(clients: readonly TestClient[], ports: readonly number[]) {
  const keys = clients.map(({ key }) => key);
  const child = spawn(process.execPath, ['--import', 'tsx', floodMain], { stdio: ['pipe', 'pipe', 'inherit'] });
  child.stdin.write(`${JSON.stringify({ keys, ports })}\n`);
  await once(child.stdout, 'data');
  const end = async (): Promise<Flooded> => {
    const answer = once(child.stdout, 'data');
    child.stdin.end();
    const [text] = (await answer) as [Buffer];
    return JSON.parse(text.toString()) as Flooded;
  };
  return { end };
}

/** Answers of a client that asks twenty times a second, in milliseconds. */
async function waits(port: number, key: string, seconds: number): Promise<number[]> {
  const times: number[] = [];
  const calls: Promise<void>[] = [];
  for (let count = 0; count < seconds * 20; count++) {
    const at = performance.now();
    calls.push(ask(port, key).then((status) => void (status === 200 && times.push(performance.now() - at))));
    await delay(50);
  }
  await Promise.all(calls);
  return times;
}

const limited = (db: Db) =>
  Promise.all(
    Array.from({ length: CLIENTS }, () => insertClient(db, { columns: { read_rate: RATE, read_burst: BURST } })),
  );
const percent = (value: number) => `${(100 * value).toFixed(1)} %`;

async function admittedWhile(db: Db, ports: readonly number[], meanwhile: () => Promise<void>) {
  const clients = await limited(db);
  const begun = performance.now();
  const running = await flood(clients, ports);
  await Promise.all([meanwhile(), delay(SECONDS * 1_000)]);
  const seconds = (performance.now() - begun) / 1_000;
  const { admitted, requests } = await running.end();
  const due = BURST + RATE * seconds;
  const off = admitted.map((count) => count / due - 1);
  return `${requests} requests, each client may ${due.toFixed(0)}: ${percent(Math.min(...off))} to ${percent(Math.max(...off))} off`;
}

async function measure(url: string): Promise<void> {
  const db = openDatabase({ url, poolSize: 4, name: 'bench', logger: { warn: () => {} } });
  const ports = [await freePort(), await freePort()];
  const apis = await Promise.all(ports.map((port) => startApi(url, port)));
  try {
    const quiet = await insertClient(db, { columns: { read_rate: 100, read_burst: 200 } });
    await waits(ports[0]!, quiet.key, 3);
    const alone: number[] = [];
    const beside: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      alone.push(...(await waits(ports[0]!, quiet.key, 5)));
      const [flooder] = await limited(db);
      const running = await flood([flooder!], ports);
      beside.push(...(await waits(ports[0]!, quiet.key, 5)));
      await running.end();
    }
    const line = (times: number[]) =>
      `p50 ${quantile(times, 0.5).toFixed(1)} ms, p99 ${quantile(times, 0.99).toFixed(1)} ms`;
    console.log(`another client alone: ${line(alone)}; beside one that floods: ${line(beside)}`);
    console.log(`two processes: ${await admittedWhile(db, ports, async () => {})}`);
    const killed = async () => {
      await delay(3_000);
      const gone = once(apis[1]!, 'exit');
      apis[1]!.kill('SIGKILL');
      await gone;
      await delay(1_000);
      apis[1] = await startApi(url, ports[1]!);
    };
    console.log(`one killed and started again: ${await admittedWhile(db, ports, killed)}`);
  } finally {
    for (const api of apis) api.kill('SIGKILL');
    agent.destroy();
    await db.destroy();
  }
}

const server = await startTestPostgres();
try {
  await measure(server.url);
} finally {
  await server.drop();
}
