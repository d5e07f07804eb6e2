import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism, loadavg } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../', import.meta.url));
const folder = join(root, 'bench', 'results');

/** Where and when something was measured: figures of different runs are compared with care. */
interface Circumstances {
  readonly measuredAt: string;
  readonly commit: string;
  readonly cores: number;
  /** How many processes wanted to run on average in the minute before: above the cores, the figures are worse. */
  readonly loadBefore: number;
}

/** When and on what a bench runs: kept with its results. */
export function circumstances(): Circumstances {
  return {
    measuredAt: new Date().toISOString(),
    commit: commit(),
    cores: availableParallelism(),
    loadBefore: loadavg()[0]!,
  };
}

function commit(): string {
  try {
    return execFileSync('git', ['rev-parse', '--short', 'HEAD'], { cwd: root, encoding: 'utf8' }).trim();
  } catch {
    return 'unknown'; // Not a clone.
  }
}

/** Keeps results in `bench/results/`, which is not committed. @returns the file's path from the project's root. */
export function keep(name: string, content: object | string): string {
  mkdirSync(folder, { recursive: true });
  const text = typeof content === 'string' ? content : `${JSON.stringify(content, null, 2)}\n`;
  writeFileSync(join(folder, name), text);
  return `bench/results/${name}`;
}

/** Reads what an earlier run has kept; undefined when there is none. */
export function recall<T>(name: string): T | undefined {
  try {
    return JSON.parse(readFileSync(join(folder, name), 'utf8')) as T;
  } catch {
    return undefined;
  }
}

export const write = (text: string) => void process.stdout.write(`${text}\n`);
export const say = (sentence: string) => void process.stderr.write(`${sentence}\n`);
