import { setTimeout as delay } from 'node:timers/promises';
import { type Drill, faultDrill } from '../drill.js';
import { longHistories } from '../histories.js';

const FLAPS = { full: 10, quick: 2 };
const FLAP_S = 4;
const FLAP_EVERY_S = 30;

/** Mailgun is the primary, Mandrill the one that stays healthy. */
export const PROVIDER_DRILLS: readonly Drill[] = [
  {
    name: 'primary-down',
    breaks: 'the primary provider’s port is closed for 2 min',
    outageS: { full: 120, quick: 10 },
    criticalInTime: true,
    async breakAndHeal(world) {
      await world.primary.close();
      await world.outage();
      await world.primary.open();
    },
  },
  faultDrill({
    name: 'primary-slow',
    breaks: 'the primary provider takes 10 s for each call, longer than a critical call may take',
    outageS: { full: 40, quick: 15 },
    faults: { mailgun: { latencyMs: { min: 10_000, max: 10_000 } } },
    criticalInTime: true,
    // Critical mail moves on after 10 s, when the primary may be about to take it.
    duplicates: 'counted',
  }),
  faultDrill({
    name: 'primary-throttled',
    breaks: 'the primary provider answers 429 with Retry-After',
    outageS: { full: 40, quick: 10 },
    faults: { mailgun: { throttled: { retryAfterS: 5 } } },
    criticalInTime: true,
  }),
  faultDrill({
    name: 'primary-misconfigured',
    breaks: 'the primary provider refuses our key',
    outageS: { full: 40, quick: 10 },
    faults: { mailgun: { wrongKey: true } },
    criticalInTime: true,
  }),
  {
    name: 'all-providers-down',
    breaks: 'all providers answer 503 for 40 s, then are back',
    outageS: { full: 40, quick: 10 },
    criticalInTime: true,
    async breakAndHeal(world) {
      await world.stack.setFaults({ mailgun: { down: true }, mandrill: { down: true } });
      await world.cutOffFor(
        () => world.outage(),
        () => world.stack.setFaults({}),
      );
    },
    check: longHistories,
  },
  {
    name: 'providers-flap',
    breaks: 'both providers are away for 4 s every 30 s, ten times',
    outageS: { full: FLAPS.full * FLAP_EVERY_S, quick: FLAPS.quick * FLAP_EVERY_S },
    criticalInTime: true,
    // A call that is cut off may have been taken, and its webhook may have been on the same wire.
    duplicates: 'counted',
    async breakAndHeal(world) {
      const wires = [world.primary, world.fallback];
      for (let n = 0; n < FLAPS[world.options.quick ? 'quick' : 'full']; n++) {
        await Promise.all(wires.map((wire) => wire.close()));
        await world.cutOffFor(
          () => delay(FLAP_S * 1_000),
          async () => void (await Promise.all(wires.map((wire) => wire.open()))),
        );
        await delay((FLAP_EVERY_S - FLAP_S) * 1_000);
      }
    },
    check: longHistories,
  },
];
