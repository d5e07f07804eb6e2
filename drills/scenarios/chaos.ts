import { setTimeout as delay } from 'node:timers/promises';
import { PROCESS_NAMES } from '../../test/support/stack.js';
import { Dice, seedOfRun } from '../dice.js';
import type { Drill } from '../drill.js';
import type { World } from '../world.js';

/** Everything of ours; the sandbox stands for the providers, which go on without us. */
const OURS = PROCESS_NAMES.filter((name) => name !== 'sandbox');

/** What a provider may do to some of the calls, or with its webhooks. */
const MOODS = [
  {},
  {},
  { down: true, rate: 0.5 },
  { throttled: { retryAfterS: 2 }, rate: 0.3 },
  { hang: true, rate: 0.2 },
  { errorAfterTaking: true, rate: 0.3 },
  { resetAfterTaking: true, rate: 0.3 },
  { noAnswer: true, rate: 0.2 },
  { latencyMs: { min: 200, max: 4_000 }, rate: 0.5 },
  { webhooks: { repeat: 2, shuffle: true } },
] as const;

type Act = (world: World, dice: Dice) => Promise<void>;

/** One thing that goes wrong; each leaves everything running, or says how it will be again. */
const ACTS: readonly (readonly [share: number, act: Act])[] = [
  [
    6,
    async (world, dice) => {
      const name = dice.pick(OURS);
      await world.stack.kill(name);
      await delay(dice.between(0, 3_000));
      await world.stack.startProcess(name);
    },
  ],
  [3, async (world, dice) => world.stack.setFaults({ mailgun: dice.pick(MOODS), mandrill: dice.pick(MOODS) })],
  [
    2,
    async (world, dice) => {
      const wire = dice.pick([world.primary, world.fallback]);
      await wire.close();
      await delay(dice.between(500, 4_000));
      await wire.open();
    },
  ],
  [
    1,
    async (world, dice) => {
      const server = dice.pick([world.temporal, world.postgres]);
      await server.kill();
      await delay(dice.between(0, 2_000));
      await server.start();
    },
  ],
];

function pickAct(dice: Dice): Act {
  let at = dice.between(
    0,
    ACTS.reduce((sum, [share]) => sum + share, 0),
  );
  for (const [share, act] of ACTS) {
    at -= share;
    if (at < 0) return act;
  }
  return ACTS[0]![1];
}

export const CHAOS_DRILLS: readonly Drill[] = [
  {
    name: 'random-kills',
    breaks: 'at random, for 4 min: any process or server is killed, wires are cut, providers do what providers do',
    outageS: { full: 240, quick: 20 },
    // A call that is cut off, and whose webhook meets a dead service, leaves nothing to go by.
    duplicates: 'counted',
    async breakAndHeal(world) {
      const seed = seedOfRun();
      const dice = new Dice(seed);
      const endAt = Date.now() + world.brokenS * 1_000;
      let acts = 0;
      while (Date.now() < endAt) {
        await pickAct(dice)(world, dice);
        acts++;
        await delay(dice.between(0, 1_500));
      }
      await world.stack.setFaults({});
      world.say(`${acts} things went wrong (DRILL_SEED=${seed} for the same ones again)`);
    },
  },
];
