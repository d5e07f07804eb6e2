import { join } from 'node:path';
import type { Client } from '@temporalio/client';
import { until } from '../../test/support/until.js';
import { startChild } from '../harness/child.js';
import type { Pids } from '../harness/usage.js';
import type { World } from '../harness/world.js';
import { withTemporal } from './ours.js';
import { IN_FLIGHT, OPEN_AFTER_MS, type Variant } from './variant.js';

/** Another Temporal than the world's own. */
export interface OtherTemporal {
  readonly name: string;
  readonly address: string;
  readonly namespace: string;
  /** `TEMPORAL_*` of the processes that go there. */
  readonly env: Readonly<Record<string, string>>;
  readonly client: Client;
  readonly pids: Pids;
}

/** A Temporal workflow of the same shape with nothing in it: the ceiling. */
export async function startBare(world: World, other?: OtherTemporal): Promise<Variant> {
  const child = world.own(
    await startChild({
      script: 'bench/processes/bare.js',
      env: {
        TEMPORAL_ADDRESS: other?.address ?? world.temporalAddress,
        ...other?.env,
        IN_FLIGHT: String(IN_FLIGHT),
        OPEN_AFTER_MS: String(OPEN_AFTER_MS),
      },
      logFile: join(world.folder, `${other ? 'other-' : ''}bare.log`),
    }),
    (it) => it.stop(),
  );
  return {
    name: other ? `bare, ${other.name}` : 'bare',
    pids: { bare: child.pid, ...withTemporal(world.pids, other?.pids) },
    temporal: other?.client,
    workflowType: 'bare',
    async round(emails) {
      await child.ask({ count: emails });
      const open = () => world.openWorkflows('bare', other?.namespace, other?.client);
      await until('all bare workflows are closed', async () => (await open()) === 0, 60_000);
    },
  };
}
