import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort } from '../ports.js';
import { until } from '../until.js';

const RULES = fileURLToPath(new URL('../../../deploy/prometheus/rules', import.meta.url));

/** In the place of the 15 s that deploy/prometheus has. */
const INTERVAL = '2s';

/** Debian's package `prometheus` has it; `.ci/run` fetches it where it can, and says so where it cannot. */
export const prometheusIsHere = () => spawnSync('prometheus', ['--version']).status === 0;

/** An alert as Alertmanager is told of it. */
interface Told {
  readonly labels: Readonly<Record<string, string>>;
  /** RFC 3339: when it began to fire. */
  readonly startsAt: string;
}

export interface Prometheus {
  /** Asks a query for its value now. @throws what Prometheus finds wrong with it. */
  query(expression: string): Promise<readonly { readonly metric: Readonly<Record<string, string>>; value: number }[]>;
  /** What an Alertmanager has been told of so far; each alert once for each time that it began. */
  alerts(): readonly Told[];
  /** @returns the targets that cannot be scraped, with the reason. */
  troubles(): Promise<string[]>;
  stop(): Promise<void>;
}

/**
 * A real Prometheus with the rules of deploy/prometheus. It scrapes and evaluates every 2 s rather than every 15 s, so
 * that a test need not wait for it; expressions, ranges and `for` are as they are shipped.
 *
 * @param targets `host:port` of each process.
 */
export async function startPrometheus(targets: readonly string[]): Promise<Prometheus> {
  const folder = mkdtempSync(join(tmpdir(), 'tempost-prometheus-'));
  const pager = await listenAsAlertmanager();
  const port = await freePort();
  writeFileSync(join(folder, 'prometheus.yml'), configuration(targets, pager.port));
  copyRules(join(folder, 'rules'));
  const child = spawn(
    'prometheus',
    [
      `--config.file=${join(folder, 'prometheus.yml')}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
      '--log.level=warn',
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  let said = '';
  child.stderr.on('data', (bytes: Buffer) => {
    said = `${said}${bytes}`.slice(-4_000);
  });
  const exited = once(child, 'exit');
  const stop = async () => {
    await end(child, exited);
    await pager.stop();
    rmSync(folder, { recursive: true, force: true, maxRetries: 10 });
  };
  const url = `http://127.0.0.1:${port}`;
  try {
    await until(
      () => `Prometheus is ready${said && `; it says ${said}`}`,
      async () => (await fetch(`${url}/-/ready`)).ok,
    );
  } catch (error) {
    await stop();
    throw error;
  }
  return { query: (expression) => ask(url, expression), alerts: pager.alerts, troubles: () => troubles(url), stop };
}

async function end(child: ChildProcess, exited: Promise<unknown>): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
  await exited;
}

const configuration = (targets: readonly string[], pagerPort: number) => `
global: { scrape_interval: ${INTERVAL}, scrape_timeout: ${INTERVAL}, evaluation_interval: ${INTERVAL} }
rule_files: [rules/*.rules.yaml]
alerting: { alertmanagers: [{ static_configs: [{ targets: ["127.0.0.1:${pagerPort}"] }] }] }
scrape_configs:
  - job_name: tempost
    static_configs: [{ targets: ${JSON.stringify(targets)} }]
`;

/** Groups name their interval, so it is shortened there, and nothing else. */
function copyRules(to: string): void {
  mkdirSync(to);
  for (const name of readdirSync(RULES)) {
    const text = readFileSync(join(RULES, name), 'utf8').replaceAll(
      /^ {4}interval: 15s$/gm,
      `    interval: ${INTERVAL}`,
    );
    writeFileSync(join(to, name), text);
  }
}

interface Pager {
  readonly port: number;
  readonly alerts: () => readonly Told[];
  readonly stop: () => Promise<void>;
}

/** Takes what Prometheus tells an Alertmanager (its API v2). */
async function listenAsAlertmanager(): Promise<Pager> {
  const told = new Map<string, Told>();
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (bytes) => {
      body += bytes;
    });
    request.on('end', () => {
      for (const { labels, startsAt } of JSON.parse(body || '[]') as Told[]) {
        const key = JSON.stringify([labels, startsAt]);
        if (!told.has(key)) told.set(key, { labels, startsAt });
      }
      response.writeHead(200).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    alerts: () => [...told.values()],
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

interface Answer {
  readonly status: string;
  readonly error?: string;
  readonly data?: {
    readonly resultType: string;
    readonly result: readonly { metric: Record<string, string>; value: [number, string] }[];
  };
}

async function ask(url: string, expression: string) {
  const answer = await fetch(`${url}/api/v1/query`, {
    method: 'POST',
    body: new URLSearchParams({ query: expression }),
  });
  const { data, error } = (await answer.json()) as Answer;
  if (!data) throw new Error(`${error}: ${expression}`);
  if (data.resultType !== 'vector') throw new Error(`${data.resultType}, not a vector: ${expression}`);
  return data.result.map(({ metric, value: [, value] }) => ({ metric, value: Number(value) }));
}

async function troubles(url: string): Promise<string[]> {
  const { data } = (await (await fetch(`${url}/api/v1/targets`)).json()) as {
    data: { activeTargets: { scrapeUrl: string; health: string; lastError: string }[] };
  };
  return data.activeTargets.flatMap(({ scrapeUrl, health, lastError }) =>
    health === 'up' ? [] : `${scrapeUrl} ${health}: ${lastError}`,
  );
}
