import { join } from 'node:path';
import { until } from '../../test/support/until.js';
import { startChild } from '../harness/child.js';
import type { World } from '../harness/world.js';
import { IN_FLIGHT, OPEN_AFTER_MS, type Variant } from './variant.js';

/** A Temporal workflow of the same shape with nothing in it: the ceiling. */
export async function startBare(world: World): Promise<Variant> {
  const child = world.own(
    await startChild({
      script: 'bench/processes/bare.js',
      env: {
        TEMPORAL_ADDRESS: world.temporalAddress,
        IN_FLIGHT: String(IN_FLIGHT),
        OPEN_AFTER_MS: String(OPEN_AFTER_MS),
      },
      logFile: join(world.folder, 'bare.log'),
    }),
    (it) => it.stop(),
  );
  return {
    name: 'bare',
    pids: { bare: child.pid, ...world.pids },
    workflowType: 'bare',
    async round(emails) {
      await child.ask({ count: emails });
      await until('all bare workflows are closed', async () => (await world.openWorkflows('bare')) === 0, 60_000);
    },
  };
}
