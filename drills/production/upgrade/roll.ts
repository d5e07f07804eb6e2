import { PROCESS_NAMES, type ProcessName, second } from '../../../test/support/stack.js';
import { until } from '../../../test/support/until.js';
import type { World } from '../../world.js';

/** Everything of ours, as one machine runs it. */
const OURS = PROCESS_NAMES.filter((name) => name !== 'sandbox');
const MACHINES: readonly ((name: ProcessName) => string)[] = [(name) => name, second];

const startsOf = (world: World, instance: string) => world.stack.logOf(instance).split('"msg":"started"').length - 1;

/** Both machines run: what comes first is not to be taken for the upgrade's work. */
export async function everyProcessStarted(world: World): Promise<void> {
  for (const instance of MACHINES.flatMap((instanceOn) => OURS.map(instanceOn)))
    await until(`${instance} is started`, () => startsOf(world, instance) > 0, 120_000);
}

/**
 * Brings two machines to a build, one after the other, as `docs/operating.md` tells it: every process of a machine is
 * told to stop and started anew, and the second machine's turn comes when the first one's are in rotation.
 *
 * @param dist of the release they are to run.
 * @param inRotation waits until the load balancers have all copies.
 * @returns how long it took, in seconds.
 */
export async function roll(world: World, dist: string, inRotation: () => Promise<void>): Promise<number> {
  const startedAt = Date.now();
  for (const instanceOn of MACHINES) {
    await Promise.all(
      OURS.map(async (name) => {
        const instance = instanceOn(name);
        await world.stack.end(instance, 'SIGTERM');
        const starts = startsOf(world, instance);
        await world.stack.startProcess(name, instance, dist);
        await until(`${instance} is started`, () => startsOf(world, instance) > starts, 120_000);
      }),
    );
    await inRotation();
  }
  return Math.round((Date.now() - startedAt) / 1000);
}
