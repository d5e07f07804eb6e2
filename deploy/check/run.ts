import { type SpawnSyncOptions, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../..', import.meta.url));

/** A check cannot be made here; the reason is printed, and the run goes on. */
export class Skipped extends Error {
  override readonly name = 'Skipped';
}

/** What a command has said. */
export interface Said {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command and hands back what it said, whatever its end. */
export function ask(command: string, args: readonly string[], options: SpawnSyncOptions = {}): Said {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    cwd: root,
    maxBuffer: 64 * 1024 * 1024,
    ...options,
    encoding: 'utf8',
  });
  return { status, stdout: String(stdout ?? ''), stderr: error ? error.message : String(stderr ?? '') };
}

/**
 * Runs a command that has to succeed.
 *
 * @returns its standard output.
 * @throws Error with all it said.
 */
export function must(command: string, args: readonly string[], options: SpawnSyncOptions = {}): string {
  const { status, stdout, stderr } = ask(command, args, options);
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}\nended with ${status}\n${stdout}${stderr}`.trim());
  return stdout;
}

/** Whether a command is on the PATH. */
export const isHere = (command: string) => ask('sh', ['-c', `command -v ${command}`]).status === 0;
