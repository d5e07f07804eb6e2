import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { endProcess, POSTGRES_STOP, processStartTime } from './processes/process.js';
import { writeWhole } from './write-whole.js';

/** A process, told apart from a later one of the same id by when it was started. */
export interface ProcessRecord {
  readonly name: string;
  readonly pid: number;
  readonly startTime: string;
}

/** Where a running system is reached; written by `npm start` for `npm run demo` and whoever else asks. */
export interface Addresses {
  readonly api: string;
  readonly webhooks: string;
  readonly database: string;
  readonly temporal: string;
  readonly temporalUi?: string;
  /** Temporal's command, where it is ours to know. */
  readonly temporalCli?: string;
  readonly metrics?: string;
  readonly inbox?: string;
  readonly sandbox?: string;
  readonly apiKey: string;
}

interface RunFile {
  readonly supervisor: ProcessRecord;
  readonly stopping: boolean;
  readonly processes: readonly ProcessRecord[];
  readonly addresses?: Addresses;
}

const fileOf = (dataDir: string) => join(dataDir, 'run.json');
const lockOf = (dataDir: string) => join(dataDir, 'run.lock');

const isAlive = (record: ProcessRecord) => processStartTime(record.pid) === record.startTime;

function readJson<T>(path: string): T | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as T;
  } catch {
    return undefined; // Absent, or cut off by a kill: then it tells us nothing.
  }
}

/** The addresses of the system that runs on a data folder; undefined when none is up. */
export function readAddresses(dataDir: string): Addresses | undefined {
  const run = readJson<RunFile>(fileOf(dataDir));
  return run && isAlive(run.supervisor) ? run.addresses : undefined;
}

/** Another `npm start` holds the data folder. */
export class AlreadyRunningError extends Error {
  override readonly name = 'AlreadyRunningError';
  constructor(dataDir: string, pid: number) {
    super(
      `Tempost is already running in ${dataDir} (process ${pid}). Stop it first, or set DATA_DIR to another folder.`,
    );
  }
}

/**
 * What runs on a data folder, kept in a file that survives a kill: who supervises, and which processes it started.
 * Held by one process at a time.
 */
export class RunState {
  readonly #dataDir: string;
  #run: RunFile;

  private constructor(dataDir: string, run: RunFile) {
    this.#dataDir = dataDir;
    this.#run = run;
    this.#write();
  }

  /**
   * Takes the data folder. Waits while another one is just stopping.
   *
   * @returns the state, and the processes a killed predecessor left running.
   * @throws AlreadyRunningError
   */
  static async acquire(dataDir: string, onWait: () => void): Promise<{ state: RunState; orphans: ProcessRecord[] }> {
    mkdirSync(dataDir, { recursive: true });
    const self = recordOf('npm start', process.pid);
    for (let holder = takeLock(dataDir, self), waits = 0; holder; holder = takeLock(dataDir, self), waits++) {
      if (!readJson<RunFile>(fileOf(dataDir))?.stopping) throw new AlreadyRunningError(dataDir, holder.pid);
      if (waits === 0) onWait();
      await wait(200);
    }
    const before = readJson<RunFile>(fileOf(dataDir));
    const orphans = (before?.processes ?? []).filter(isAlive);
    return { state: new RunState(dataDir, { supervisor: self, stopping: false, processes: orphans }), orphans };
  }

  /** A process has come, or (undefined) gone. */
  record(name: string, pid: number | undefined): void {
    const others = this.#run.processes.filter((record) => record.name !== name);
    this.#run = { ...this.#run, processes: pid === undefined ? others : [...others, recordOf(name, pid)] };
    this.#write();
  }

  publish(addresses: Addresses): void {
    this.#run = { ...this.#run, addresses };
    this.#write();
  }

  markStopping(): void {
    this.#run = { ...this.#run, stopping: true, addresses: undefined };
    this.#write();
  }

  /** Everything is down: the next start finds nothing to look after. */
  release(): void {
    rmSync(fileOf(this.#dataDir), { force: true });
    rmSync(lockOf(this.#dataDir), { force: true });
  }

  /** It holds the API key. */
  #write(): void {
    writeWhole(fileOf(this.#dataDir), JSON.stringify(this.#run, null, 2));
  }
}

/** A process that is gone before we look is recorded as one that cannot be found. */
function recordOf(name: string, pid: number): ProcessRecord {
  return { name, pid, startTime: processStartTime(pid) ?? 'gone' };
}

/** @returns the live process that holds the lock, undefined when it is ours now. */
function takeLock(dataDir: string, self: ProcessRecord): ProcessRecord | undefined {
  const lock = lockOf(dataDir);
  const mine = `${lock}.${process.pid}`;
  writeFileSync(mine, JSON.stringify(self));
  try {
    for (;;) {
      try {
        linkSync(mine, lock); // Fails when the name exists, and never shows half a file.
        return undefined;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      }
      const holder = readJson<ProcessRecord>(lock);
      if (holder && isAlive(holder)) return holder;
      rmSync(lock, { force: true });
    }
  } finally {
    rmSync(mine, { force: true });
  }
}

/**
 * Ends the processes a killed predecessor left, in order. They are not our children: their end is seen by looking.
 *
 * @param order groups of names; what is in none of them comes first.
 * @param graceMs how long each group has, before it is killed.
 * @param say told of each that does not end in time.
 */
export async function endOrphans(
  orphans: readonly ProcessRecord[],
  order: readonly (readonly string[])[],
  graceMs: number,
  say: (name: string, sentence: string) => void = () => {},
): Promise<void> {
  const unnamed = orphans.filter((orphan) => !order.flat().includes(orphan.name));
  const groups = [unnamed, ...order.map((names) => orphans.filter((orphan) => names.includes(orphan.name)))];
  for (const group of groups) await Promise.all(group.map((orphan) => endOrphan(orphan, graceMs, say)));
}

async function endOrphan(
  orphan: ProcessRecord,
  graceMs: number,
  say: (name: string, sentence: string) => void,
): Promise<void> {
  if (!isAlive(orphan)) return;
  const steps = orphan.name === 'postgres' ? POSTGRES_STOP : [{ signal: 'SIGTERM', waitMs: graceMs } as const];
  const gone = async () => {
    while (isAlive(orphan)) await wait(50);
  };
  await endProcess(orphan.pid, gone(), steps, (sentence) => say(orphan.name, sentence));
}
