import { closeSync, openSync, readFileSync, statSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { Connection } from '@temporalio/client';
import { SEARCH_ATTRIBUTES } from '../../temporal/names.js';
import { isPortFree } from '../ports.js';
import { PortTakenError } from '../postgres/server.js';
import { endProcess, exitOf, type RunningProcess, startDetached } from '../processes/process.js';

/**
 * The dev server has one history shard, and a shard looks for new tasks at most twenty times a second: each step of a
 * workflow would wait for up to 50 ms. Clusters have hundreds of shards, and nothing to gain.
 */
const UNTHROTTLED = ['history.transferProcessorMaxPollRPS=500', 'history.timerProcessorMaxPollRPS=500'];

/** A process that ends is noticed at once: only one that hangs, or a machine that is very busy, takes so long. */
const READY_WITHIN_MS = 120_000;
const ANSWERS_WITHIN_MS = 5_000;

interface TemporalServerOptions {
  /** The executable, as `findTemporalCli` gives it. */
  readonly cli: string;
  /** Where others reach it; it then listens on every address. Default: 127.0.0.1 alone. */
  readonly host?: string;
  readonly port: number;
  /** Leave out for a server without Web UI. */
  readonly uiPort?: number;
  /** Leave out to keep everything in memory. */
  readonly databaseFile?: string;
  readonly logFile: string;
  /** Namespaces besides `default`; all of them know our search attributes. */
  readonly namespaces?: readonly string[];
  /** Those it begins with; ours, unless somebody else is to make them. */
  readonly searchAttributes?: readonly string[];
  readonly extraArgs?: readonly string[];
  /** See `ProcessOptions`. */
  readonly onSpawn?: (pid: number) => void;
  /** See `endProcess`. */
  readonly say?: (sentence: string) => void;
}

export interface RunningTemporal extends RunningProcess {
  /** `host:port` for clients. */
  readonly address: string;
  readonly uiUrl?: string;
  readonly logFile: string;
}

/**
 * Starts Temporal's dev server, on loopback unless told otherwise, and waits until its namespaces answer.
 *
 * @throws PortTakenError; Error with the end of the server's log when it does not come up.
 */
export async function startTemporalServer(options: TemporalServerOptions): Promise<RunningTemporal> {
  for (const port of [options.port, options.uiPort]) {
    if (port !== undefined && !(await isPortFree(port))) throw new PortTakenError(port, 'Temporal');
  }
  const log = openSync(options.logFile, 'a', 0o600);
  const logStart = statSync(options.logFile).size;
  const child = await startDetached({
    command: options.cli,
    args: argumentsOf(options),
    stdout: log,
    stderr: log,
    onSpawn: options.onSpawn,
  });
  closeSync(log);
  const exited = exitOf(child);
  const stop = () => endProcess(child.pid, exited, [{ signal: 'SIGTERM', waitMs: 10_000 }], options.say);
  const address = `${options.host ?? '127.0.0.1'}:${options.port}`;
  try {
    await ready(address, ['default', ...(options.namespaces ?? [])], exited);
  } catch (error) {
    await stop();
    const lines = readFileSync(options.logFile, 'utf8').slice(logStart).trim().split('\n').slice(-10).join('\n');
    throw new Error(`Temporal did not start: ${(error as Error).message}. The end of its log:\n${lines}`);
  }
  const uiUrl = options.uiPort === undefined ? undefined : `http://127.0.0.1:${options.uiPort}`;
  return { pid: child.pid, exited, stop, address, uiUrl, logFile: options.logFile };
}

/** The server's parts look for one another on loopback: at another address than all of them it starts, and does nothing. */
function argumentsOf(options: TemporalServerOptions): string[] {
  const pairs = (flag: string, values: readonly string[]) => values.flatMap((value) => [flag, value]);
  return [
    ...['server', 'start-dev', '--ip', options.host ? '0.0.0.0' : '127.0.0.1', '--port', String(options.port)],
    ...['--log-level', 'warn'],
    ...(options.uiPort === undefined
      ? ['--headless']
      : ['--ui-port', String(options.uiPort), '--ui-disable-news-fetch']),
    // Measured: twice the throughput of the default journal. Both survive the end of the process.
    ...(options.databaseFile
      ? ['--db-filename', options.databaseFile, ...pairs('--sqlite-pragma', ['journal_mode=wal', 'synchronous=1'])]
      : []),
    ...pairs(
      '--search-attribute',
      (options.searchAttributes ?? SEARCH_ATTRIBUTES).map((name) => `${name}=Keyword`),
    ),
    ...pairs('--namespace', options.namespaces ?? []),
    ...pairs('--dynamic-config-value', UNTHROTTLED),
    ...(options.extraArgs ?? []),
  ];
}

async function ready(address: string, namespaces: readonly string[], exited: Promise<unknown>): Promise<void> {
  let gone = false;
  void exited.then(() => {
    gone = true;
  });
  const giveUpAt = Date.now() + READY_WITHIN_MS;
  for (;;) {
    if (gone) throw new Error('it ended at once');
    if (await answers(address, namespaces)) return;
    if (Date.now() > giveUpAt) throw new Error(`no answer at ${address} within ${READY_WITHIN_MS / 1000} s`);
    await wait(50);
  }
}

async function answers(address: string, namespaces: readonly string[]): Promise<boolean> {
  const connection = Connection.lazy({ address, connectTimeout: ANSWERS_WITHIN_MS });
  try {
    return await connection.withDeadline(Date.now() + ANSWERS_WITHIN_MS, async () => {
      for (const namespace of namespaces) await connection.workflowService.describeNamespace({ namespace });
      return true;
    });
  } catch {
    return false;
  } finally {
    await connection.close();
  }
}
