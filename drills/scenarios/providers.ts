import { type Drill, faultDrill } from '../drill.js';

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
  faultDrill({
    name: 'all-providers-down',
    breaks: 'all providers answer 503 for 40 s, then are back',
    outageS: { full: 40, quick: 10 },
    faults: { mailgun: { down: true }, mandrill: { down: true } },
  }),
];
