import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { AskedSource } from '../../../src/postgres/schema.js';
import { stackEnvironment } from '../../../test/support/stack-environment.js';
import type { World } from '../../world.js';

const CLI = fileURLToPath(new URL('../../../dist/src/cli/main.js', import.meta.url));

export interface RecoverOptions {
  readonly temporal: 'intact' | 'lost';
  /** `tempost recover run --dry-run` beforehand, which has to say the same; searches of providers take their time. */
  readonly dryRunFirst?: boolean;
}

export interface Recovered {
  readonly sent: number;
  readonly unsent: number;
  readonly unknown: number;
  readonly lacking: number;
  readonly lackingIds: readonly string[];
  /** Who knows how many of them, and why there may be more. */
  readonly sources: readonly AskedSource[];
  /** Held: nobody knows whether they were sent. */
  readonly unknownIds: readonly string[];
  readonly tookS: number;
}

export const secondsSince = (ms: number) => Math.round((Date.now() - ms) / 100) / 10;

/** What an operator does, by the commands. */
export async function recover(
  world: World,
  point: Date,
  { temporal, dryRunFirst }: RecoverOptions,
): Promise<Recovered> {
  const { databaseUrl, temporalAddress, stack } = world;
  const env = stackEnvironment(stack, { databaseUrl, temporalAddress });
  const tempost = async (...argv: string[]) => {
    const { stdout } = await promisify(execFile)(process.execPath, [CLI, 'recover', ...argv, '--json'], { env });
    return JSON.parse(stdout);
  };
  await tempost('begin', '--restored-to', point.toISOString(), '--temporal', temporal);
  const dry = dryRunFirst ? await tempost('run', '--dry-run') : undefined;
  const startedAt = Date.now();
  const done = await tempost('run');
  const tookS = secondsSince(startedAt);
  for (const name of ['sent', 'unsent', 'unknown'] as const) {
    if (dry && dry[name] !== done[name])
      throw new Error(`the dry run said ${dry[name]} ${name}, the run ${done[name]}`);
  }
  const listed = async (verdict: string): Promise<string[]> => {
    const { items } = await tempost('list', '--verdict', verdict, '--limit', '10000');
    return items.map(({ emailId }: { emailId: string }) => emailId);
  };
  const [lackingIds, unknownIds] = [await listed('lacking'), await listed('unknown')];
  await tempost('finish');
  world.say(`recovered: ${done.sent} sent, ${done.unsent} unsent, ${done.unknown} unknown, ${done.lacking} lacking`);
  return { ...done, lackingIds, unknownIds, tookS };
}
