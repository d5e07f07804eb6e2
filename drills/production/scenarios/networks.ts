import { setTimeout as delay } from 'node:timers/promises';
import { Dice, seedOfRun } from '../../dice.js';
import type { World } from '../../world.js';
import { assertNamespaces, programHere } from '../installs.js';
import { allReady, noHalfOpen, type Took, undergo } from '../networks/ordeal.js';
import { planOf } from '../networks/plan.js';
import { Site } from '../networks/site.js';
import { type AllVitals, changes, readVitals, summary } from '../networks/vitals.js';
import type { Scenario } from '../scenario.js';
import { onSystem, type ProductionDrill } from '../system.js';

/** Parts of the time in which nothing is broken: mail alone, to compare with. */
const QUIET = { before: 0.1, after: 0.2 };
/**
 * The longest time-outs of ours: 40 s for PostgreSQL to say something, 5 s to connect anew; and a look at `/readyz`,
 * which is remembered for a second.
 */
const READY_WITHIN_S = 50;
/** PostgreSQL tries who is idle after 30 s, and is sure 30 s later. */
const NO_HALF_OPEN_WITHIN_S = 75;

/** What the run has shown, until it is told. */
class Findings {
  readonly notes: string[] = [];
  readonly broken: string[] = [];
  before: AllVitals = new Map();
  after: AllVitals = new Map();

  /** The same look at a whole network tells what of the times is the machine's. */
  tellReadyBefore(took: Took): void {
    const slowest = [...took.values()].map((seconds) => seconds ?? READY_WITHIN_S);
    this.notes.push(`before the first fault the last one said so after ${Math.max(...slowest)} s`);
  }

  tellReady(took: Took): void {
    const late = [...took].filter(([, seconds]) => seconds === null).map(([name]) => name);
    if (late.length > 0) this.broken.push(`not ready ${READY_WITHIN_S} s after the healing: ${late.join(', ')}`);
    const [last] = [...took].sort(([, a], [, b]) => (b ?? Number.POSITIVE_INFINITY) - (a ?? Number.POSITIVE_INFINITY));
    this.notes.push(`all ready again after ${last?.[1] ?? `more than ${READY_WITHIN_S}`} s, ${last?.[0]} last`);
  }

  tellHalfOpen(result: number | readonly string[]): void {
    if (typeof result === 'number') this.notes.push(`no connection half open after ${result} s`);
    else this.broken.push(`${result.length} connections are half open: ${result.slice(0, 5).join('; ')}`);
  }

  tellVitals(): void {
    this.notes.push(`before: ${summary(this.before)}`, `after: ${summary(this.after)}`);
    this.broken.push(...changes(this.before, this.after));
  }
}

function atRandom(): ProductionDrill {
  const findings = new Findings();
  const seed = seedOfRun();
  let site: Site;
  return {
    outageS: { full: 600, quick: 60 },
    async servers(own, { cli }) {
      site = await Site.start(own, cli);
      return site.servers;
    },
    startBalancer: (...args) => site.startBalancer(...args),
    breakAndHeal: (world) => breakAndHeal(world, site, seed, findings),
    check: async () => findings.broken,
    notes: () => [`DRILL_SEED=${seed} for the same again`, ...findings.notes],
  };
}

async function breakAndHeal(world: World, site: Site, seed: number, findings: Findings): Promise<void> {
  const overAt = Date.now() + world.brokenS * 1000;
  const [readyBefore] = await Promise.all([allReady(site, READY_WITHIN_S), delay(world.brokenS * QUIET.before * 1000)]);
  findings.tellReadyBefore(readyBefore);
  findings.before = readVitals(world.stack, site);
  const plan = planOf(new Dice(seed), world.brokenS * (1 - QUIET.before - QUIET.after));
  world.say(`${plan.length} things go wrong (DRILL_SEED=${seed} for the same ones again)`);
  const fromMs = Date.now();
  await undergo(world, site, plan);
  world.cutOff.push({ fromMs, untilMs: Date.now() });
  world.say('all is healed');
  const [ready, halfOpen] = await Promise.all([
    allReady(site, READY_WITHIN_S),
    noHalfOpen(world, site, NO_HALF_OPEN_WITHIN_S),
  ]);
  findings.tellReady(ready);
  findings.tellHalfOpen(halfOpen);
  // Mail still comes, as before the first fault.
  await delay(overAt - Date.now());
  findings.after = readVitals(world.stack, site);
  findings.tellVitals();
  findings.notes.push(`${plan.length} things went wrong`);
}

export const NETWORKS: Scenario = {
  name: 'networks',
  tries: 'each process on a machine of its own, as far as the network goes, and the network is bad',
  install() {
    assertNamespaces();
    programHere('iptables', 'iptables');
    programHere('python3', 'python3');
  },
  disasters: [
    onSystem(
      'at-random',
      'cuts, one-way loss, 10 % loss, 300 ms, 16 kB/s and pulled cables between any two, three at a time',
      atRandom,
    ),
  ],
};
