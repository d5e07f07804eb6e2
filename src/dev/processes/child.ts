import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import type { PlannedProcess } from '../plan.js';
import { endProcess, exitOf, startDetached } from './process.js';
import type { Service } from './supervisor.js';

/**
 * What every process of ours is started with: stacks name lines of the sources (6 µs more for an error whose stack is
 * read, 4 MB of memory), and a debugger that is asked for by SIGUSR1 takes any free port, so that two never meet.
 */
export const NODE_FLAGS = ['--enable-source-maps', '--inspect-port=0'] as const;

export interface ChildOptions {
  readonly env: NodeJS.ProcessEnv;
  /** How long it may take to end in order, before it is killed. */
  readonly graceMs: number;
  /** One line it has written, on either stream. */
  readonly onLine: (name: string, line: string) => void;
  /** A sentence about it for the person watching. */
  readonly say?: (name: string, sentence: string) => void;
}

/** A Node process of ours as a service to supervise. It counts as started when it exists; readiness is asked for. */
export function childService(planned: PlannedProcess, options: ChildOptions): Service {
  return {
    name: planned.name,
    async start(onSpawn) {
      const child = await startDetached({
        command: process.execPath,
        args: [...NODE_FLAGS, planned.script, ...planned.args],
        env: planned.metricsPort ? { ...options.env, METRICS_PORT: String(planned.metricsPort) } : options.env,
        stdout: 'pipe',
        stderr: 'pipe',
        onSpawn,
      });
      const exited = exitOf(child);
      for (const stream of [child.stdout, child.stderr] as Readable[]) {
        createInterface({ input: stream }).on('line', (line) => {
          if (line.trim() !== '') options.onLine(planned.name, line);
        });
      }
      const say = (sentence: string) => options.say?.(planned.name, sentence);
      const stop = () => endProcess(child.pid, exited, [{ signal: 'SIGTERM', waitMs: options.graceMs }], say);
      return { pid: child.pid, exited, stop };
    },
  };
}
