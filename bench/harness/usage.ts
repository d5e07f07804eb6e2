import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { procStat } from '../../src/process/proc-stat.js';

/** `/proc` counts CPU in ticks of 10 ms, on every Linux that Node runs on. */
const TICK_MS = 10;

/** @throws Error where there is no `/proc`: CPU is read there. */
function assertMeasurable(): void {
  if (!existsSync('/proc/self/stat')) throw new Error('The benches read CPU and memory from /proc: they need Linux.');
}

/** CPU a process has used, all threads together, and that of its children, living and gone, in milliseconds. */
export function cpuMsOf(pid: number): number {
  if (pid === process.pid) return ownCpuMs();
  const fields = procStat(pid);
  if (!fields) return 0;
  // utime and stime, then those of children that have ended and been waited for: fields 14 to 17.
  const own = fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks), 0) * TICK_MS;
  return childrenOf(pid).reduce((sum, child) => sum + cpuMsOf(child), own);
}

/** This very process is the parent of all that it measures: its children are not it. */
function ownCpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** Memory in use by a process and its children, in bytes. What PostgreSQL's processes share is counted once. */
export function memoryBytesOf(pid: number): number {
  const all = [pid, ...(pid === process.pid ? [] : childrenOf(pid))].map(memoryOf);
  return all.reduce((sum, each) => sum + each.own, 0) + Math.max(...all.map((each) => each.shared));
}

function memoryOf(pid: number): { own: number; shared: number } {
  const status = read(`/proc/${pid}/status`) ?? '';
  const bytes = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? 0) * 1024;
  return { own: bytes('RssAnon'), shared: bytes('RssShmem') + bytes('RssFile') };
}

function childrenOf(pid: number): number[] {
  let threads: string[];
  try {
    threads = readdirSync(`/proc/${pid}/task`);
  } catch {
    return []; // Gone meanwhile.
  }
  return threads
    .flatMap((thread) => (read(`/proc/${pid}/task/${thread}/children`) ?? '').split(' '))
    .filter(Boolean)
    .map(Number);
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined; // Gone meanwhile.
  }
}

/** The processes that are measured, by name. */
export type Pids = Readonly<Record<string, number>>;

/** CPU by process since the meter was made, and the most memory seen since. */
export class Meter {
  private readonly before: Readonly<Record<string, number>>;
  private readonly peaks: Record<string, number> = {};
  private readonly timer: NodeJS.Timeout;

  constructor(private readonly pids: Pids) {
    assertMeasurable();
    this.before = mapValues(pids, cpuMsOf);
    this.look();
    this.timer = setInterval(() => this.look(), 500);
  }

  /** Ends the measuring. */
  stop(): { cpuMs: Record<string, number>; peakBytes: Record<string, number> } {
    clearInterval(this.timer);
    this.look();
    return { cpuMs: mapValues(this.pids, (pid, name) => cpuMsOf(pid) - this.before[name]!), peakBytes: this.peaks };
  }

  private look(): void {
    for (const [name, pid] of Object.entries(this.pids)) {
      this.peaks[name] = Math.max(this.peaks[name] ?? 0, memoryBytesOf(pid));
    }
  }
}

function mapValues<T>(values: Pids, make: (value: number, name: string) => T): Record<string, T> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, make(value, name)]));
}

/**
 * What processes use while nobody asks for anything; groups of them are measured at the same time.
 *
 * @param seconds long enough for a share of a core to be told from nothing: `/proc` counts in 10 ms.
 * @returns of each group, CPU by process in milliseconds a second.
 */
export async function idleCpu(groups: readonly Pids[], seconds: number): Promise<Record<string, number>[]> {
  const meters = groups.map((pids) => new Meter(pids));
  await delay(seconds * 1_000);
  return meters.map((meter) => mapValues(meter.stop().cpuMs, (ms) => ms / seconds));
}
