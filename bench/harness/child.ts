import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { NODE_FLAGS } from '../../src/dev/processes/child.js';
import { signal } from '../../src/dev/processes/process.js';

const dist = fileURLToPath(new URL('../../dist/', import.meta.url));

export interface ChildOptions {
  /** Below `dist/`. */
  readonly script: string;
  readonly args?: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly logFile: string;
  /** False for processes that say nothing to their parent. */
  readonly waitForMessage?: boolean;
}

/** A Node process of a bench's own, that is told what to do by messages. */
export interface Child {
  readonly pid: number;
  /** Sends a message and waits for the answer to it. */
  ask(message: object): Promise<unknown>;
  stop(): Promise<void>;
}

/**
 * Starts a process and waits for its first message: it is ready.
 *
 * @throws Error with the end of its log when it ends before.
 */
export async function startChild(options: ChildOptions): Promise<Child> {
  const { script, args = [], env, logFile, waitForMessage = true } = options;
  const log = openSync(logFile, 'a');
  const child = spawn(process.execPath, [...NODE_FLAGS, dist + script, ...args], {
    env: { PATH: process.env.PATH, HOME: process.env.HOME, ...env },
    stdio: ['ignore', log, log, 'ipc'],
  });
  closeSync(log);
  const exited = once(child, 'exit');
  const end = () => readFileSync(logFile, 'utf8').trim().split('\n').slice(-10).join('\n');
  const answer = () =>
    Promise.race([
      once(child, 'message').then(([message]) => message as unknown),
      exited.then(() => Promise.reject(new Error(`${script} ended. The end of its log:\n${end()}`))),
    ]);
  if (waitForMessage) await answer();
  return {
    pid: child.pid!,
    async ask(message) {
      const answered = answer();
      child.send(message);
      return answered;
    },
    async stop() {
      signal(child.pid!, 'SIGKILL');
      await exited;
    },
  };
}
