import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { procStat } from '../../process/proc-stat.js';

/** How a process ended. */
export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A process of ours that runs. */
export interface RunningProcess {
  readonly pid: number;
  /** Resolves when it is gone, whoever ended it; never rejects. */
  readonly exited: Promise<Exit>;
  /** Ends it in order and resolves when it is gone. May be called more than once. */
  stop(): Promise<void>;
}

export interface ProcessOptions {
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  readonly uid?: number;
  readonly gid?: number;
  /** File descriptors, or `pipe` to read what it writes. */
  readonly stdout: number | 'pipe' | 'ignore';
  readonly stderr: number | 'pipe' | 'ignore';
  /** Told the id the moment it exists, long before the process is ready: whoever records it misses none. */
  readonly onSpawn?: (pid: number) => void;
}

/**
 * Starts a process in a group of its own, so that a terminal's Ctrl-C reaches only the supervisor, which then ends
 * everything in order.
 *
 * @throws Error when the command cannot be started at all.
 */
export async function startDetached(options: ProcessOptions): Promise<ChildProcess & { pid: number }> {
  const child = spawn(options.command, options.args, {
    env: options.env ?? process.env,
    cwd: options.cwd,
    uid: options.uid,
    gid: options.gid,
    detached: true,
    stdio: ['ignore', options.stdout, options.stderr],
  });
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', reject);
  });
  options.onSpawn?.(child.pid as number);
  child.on('error', () => {}); // A signal that could not be sent: the exit tells what matters.
  return child as ChildProcess & { pid: number };
}

/** Resolves when a child is gone. Call it right after the start: an exit that was missed is never seen. */
export function exitOf(child: ChildProcess): Promise<Exit> {
  return new Promise((resolve) => child.once('exit', (code, signal) => resolve({ code, signal })));
}

/** Sends a signal; a process (or, with a negative id, a group) that is gone already is no error. */
export function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** What to send to a process that is to end, and how long to wait for its end before the next step. */
export interface StopStep {
  readonly signal: NodeJS.Signals;
  readonly waitMs: number;
}

/**
 * PostgreSQL's ways to end. It takes SIGTERM as "when all sessions have ended", which may be never.
 * Fast: ends the sessions and writes a checkpoint. Immediate: recovers at the next start; after 5 s it kills its own.
 */
export const POSTGRES_STOP: readonly StopStep[] = [
  { signal: 'SIGINT', waitMs: 20_000 },
  { signal: 'SIGQUIT', waitMs: 10_000 },
];

/**
 * Ends a child: asks with one signal after another, and kills its whole group when it has not listened.
 *
 * @param say told whenever it has not listened in time, and what is done next.
 */
export async function endProcess(
  pid: number,
  exited: Promise<unknown>,
  steps: readonly StopStep[],
  say: (sentence: string) => void = () => {},
): Promise<void> {
  for (const [index, step] of steps.entries()) {
    signal(pid, step.signal);
    const timeout = new AbortController();
    const gone = await Promise.race([
      exited.then(() => true),
      wait(step.waitMs, false, { signal: timeout.signal }).catch(() => false),
    ]);
    timeout.abort();
    if (gone) return;
    const next = steps[index + 1]?.signal ?? 'SIGKILL';
    say(`has not ended within ${step.waitMs / 1000} s of ${step.signal}; ending it with ${next}`);
  }
  signal(-pid, 'SIGKILL');
  await exited;
}

/**
 * When a process was started, as an opaque text that differs between two processes of the same id: a recycled id is
 * never taken for the process we once started.
 *
 * @returns undefined when there is no such process (a zombie counts as none).
 */
export function processStartTime(pid: number): string | undefined {
  try {
    if (process.platform === 'linux') {
      const fields = procStat(pid);
      // The state, and the start as the 20th field from there.
      return !fields || fields[0] === 'Z' || fields[0] === 'X' ? undefined : `${bootId()}/${fields[19]}`;
    }
    const started = execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' }).trim();
    return started === '' ? undefined : started;
  } catch {
    return undefined;
  }
}

/** Start times count from boot: after a reboot the same number means another moment. */
function bootId(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
}
