import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { PROCESS_NAMES } from '../test/support/stack.js';
import { until } from '../test/support/until.js';
import { short, table } from './harness/figures.js';
import { listStatements, resetStatements } from './harness/statements.js';
import type { World } from './harness/world.js';
import { keep, write } from './results.js';
import { oursOn } from './variants/ours.js';
import { TIME_SCALE } from './variants/variant.js';

const HOOK = fileURLToPath(new URL('../dist/bench/processes/profile-hook.js', import.meta.url));
const SHOWN = 14;
const PROFILED = PROCESS_NAMES.filter((name) => name !== 'sandbox');

interface Profile {
  readonly nodes: readonly { id: number; callFrame: { functionName: string; url: string; lineNumber: number } }[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

/** Where the time goes: the functions that each process spends most of its own time in, and every kind of statement. */
export async function profile(world: World, emails: number): Promise<void> {
  const folder = join(world.folder, 'profiles');
  mkdirSync(folder);
  const stack = await world.startStack({
    env: {
      SANDBOX_TIME_SCALE: String(TIME_SCALE),
      NODE_OPTIONS: `--import ${pathToFileURL(HOOK)}`,
      PROFILE_DIR: folder,
    },
  });
  const ours = oursOn(world, stack);
  await ours.round(Math.min(50, emails));
  const toggle = () => {
    for (const name of PROFILED) process.kill(stack.pidOf(name), 'SIGUSR2');
  };
  await resetStatements(world.server);
  toggle();
  await ours.round(emails);
  toggle();
  const statements = await listStatements(world.server, 'tempost');
  for (const name of PROFILED) {
    const file = join(folder, `${stack.pidOf(name)}.cpuprofile`);
    await until(`the profile of ${name}`, () => existsSync(file) && parses(file));
    const text = readFileSync(file, 'utf8');
    keep(`${name}.cpuprofile`, text);
    write(`${name}\n${topOf(JSON.parse(text) as Profile, emails)}\n`);
  }
  write(
    table([
      ['calls', 'ms', 'statement'],
      ...statements.map(({ calls, executionMs, query }) => [
        short(calls / emails),
        short(executionMs / emails),
        query.replaceAll(/\s+/g, ' ').slice(0, 150),
      ]),
    ]),
  );
}

function parses(file: string): boolean {
  try {
    JSON.parse(readFileSync(file, 'utf8'));
    return true;
  } catch {
    return false; // Still being written.
  }
}

function topOf({ nodes, samples, timeDeltas }: Profile, emails: number): string {
  const named = new Map(nodes.map(({ id, callFrame }) => [id, nameOf(callFrame)]));
  const selfMs = new Map<string, number>();
  samples.forEach((id, index) => {
    const name = named.get(id)!;
    selfMs.set(name, (selfMs.get(name) ?? 0) + timeDeltas[index]! / 1000);
  });
  const top = [...selfMs].filter(([name]) => name !== '(idle)').sort(([, a], [, b]) => b - a);
  return table([['function', 'ms an e-mail'], ...top.slice(0, SHOWN).map(([name, ms]) => [name, short(ms / emails)])]);
}

function nameOf({ functionName, url, lineNumber }: Profile['nodes'][number]['callFrame']): string {
  const place = url.replace(/^.*\/(node_modules|dist)\//, '');
  return `${functionName || '(anonymous)'}${place ? ` ${place}:${lineNumber + 1}` : ''}`;
}
