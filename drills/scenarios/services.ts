import { setTimeout as delay } from 'node:timers/promises';
import type { ProcessName } from '../../test/support/stack.js';
import type { Drill } from '../drill.js';
import type { World } from '../world.js';

/** Kills a process again and again for as long as the drill says; each time it is away for a moment. */
async function killRepeatedly(world: World, name: ProcessName, times: number): Promise<void> {
  const eachMs = (world.brokenS * 1000) / times;
  for (let kill = 0; kill < times; kill++) {
    await delay(eachMs * 0.7);
    await world.stack.kill(name);
    await delay(eachMs * 0.3);
    await world.stack.startProcess(name);
  }
}

export const SERVICE_DRILLS: readonly Drill[] = [
  {
    name: 'dispatcher-killed',
    breaks: 'the dispatcher is killed five times and away for a while each time',
    outageS: { full: 30, quick: 10 },
    criticalInTime: true,
    breakAndHeal: (world) => killRepeatedly(world, 'dispatcher', 5),
  },
  {
    name: 'api-killed',
    breaks: 'the API is killed five times while it takes mail; clients repeat with their idempotency keys',
    outageS: { full: 12, quick: 8 },
    breakAndHeal: (world) => killRepeatedly(world, 'api', 5),
  },
  {
    name: 'webhooks-down',
    breaks: 'the webhooks service is down for 30 of the providers’ minutes',
    outageS: { full: 30, quick: 6 },
    // A minute of the providers takes a second; the quick drill is short in their time, too.
    env: { SANDBOX_TIME_SCALE: String(1 / 60) },
    criticalInTime: true,
    async breakAndHeal(world) {
      await world.stack.kill('webhooks');
      await world.outage();
      await world.stack.startProcess('webhooks');
    },
  },
];
