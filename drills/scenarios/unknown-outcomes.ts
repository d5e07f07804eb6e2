import { type Drill, faultDrill } from '../drill.js';
import { longHistories } from '../histories.js';

/** The share of the set that goes to magic receivers: 50 of 150. */
const MAGIC_SHARE = 1 / 3;

const both = (faults: object) => ({ mailgun: faults, mandrill: faults });

export const UNKNOWN_OUTCOME_DRILLS: readonly Drill[] = [
  {
    ...faultDrill({
      name: 'webhooks-shuffled',
      breaks: 'every webhook comes three times, in random order',
      outageS: { full: 25, quick: 8 },
      faults: both({ webhooks: { repeat: 2, shuffle: true } }),
      criticalInTime: true,
    }),
    async check(world) {
      const twice = await world.query(`select email_id, type from email_events
        where provider is not null and type in ('delivered', 'opened') and provider_event_id is not null
        group by 1, 2 having count(*) > 1`);
      return twice.length > 0 ? [`${twice.length} events were recorded more than once`] : [];
    },
  },
  faultDrill({
    name: 'taken-but-5xx',
    breaks: 'a fifth of all calls is taken and then answered with 5xx',
    outageS: { full: 40, quick: 10 },
    faults: both({ errorAfterTaking: true, rate: 0.2 }),
    criticalInTime: true,
  }),
  {
    name: 'taken-but-timeout',
    breaks: 'a fifth of all calls is taken and never answered; look-ups lag 30 s, a tenth of the webhooks is lost',
    outageS: { full: 40, quick: 8 },
    criticalInTime: true,
    duplicates: 'counted',
    silence: true,
    async breakAndHeal(world) {
      const lookUpLagMs = world.options.quick ? 5_000 : 30_000;
      await world.stack.setFaults(both({ noAnswer: true, rate: 0.2, lookUpLagMs, webhooks: { loseFraction: 0.1 } }));
      await world.outage();
      // The calls are answered again, but what was lost stays lost.
      await world.stack.setFaults(both({ lookUpLagMs }));
    },
    check: longHistories,
  },
  {
    name: 'slow-and-deferred',
    breaks:
      'nothing: a third of the mail goes to receivers that are slow to take or deferred, the rest to ordinary ones',
    outageS: { full: 30, quick: 10 },
    criticalInTime: true,
    receiver(n, emails) {
      if (n >= emails * MAGIC_SHARE) return undefined;
      // Both kinds in each priority: the set takes the priorities in turn.
      return Math.floor(n / 3) % 2 === 0 ? `slow+${n}@example.org` : `defer+${n}@example.org`;
    },
    breakAndHeal: (world) => world.outage(),
  },
];
