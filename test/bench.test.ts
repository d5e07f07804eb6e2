import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { benchApi } from '../bench/api.js';
import { addWaiting, pause } from '../bench/backlog.js';
import { besideTable, compareBuilds, differenceOf, idleTable } from '../bench/builds.js';
import { checkAgainst } from '../bench/capacity/check.js';
import { DOCUMENTED } from '../bench/capacity/costs.js';
import { planCapacity } from '../bench/capacity/plan.js';
import { compare, costTable } from '../bench/compare.js';
import { benchPaint, paintTable } from '../bench/console/paint.js';
import { benchRetry, retrySentence } from '../bench/console/retry.js';
import { World, withWorld } from '../bench/harness/world.js';
import { benchHostile } from '../bench/hostile.js';
import { runIsolation } from '../bench/isolation.js';
import { handOverPicture } from '../bench/picture.js';
import { runSlo } from '../bench/slo.js';
import { startBare } from '../bench/variants/bare.js';
import { oursOn } from '../bench/variants/ours.js';
import { startPeer } from '../bench/variants/peer.js';
import { TIME_SCALE } from '../bench/variants/variant.js';
import { benchWebhooks } from '../bench/webhooks.js';
import { chromiumPath } from './support/console/browser.js';
import { patient } from './support/patience.js';
import { assertWithRoom } from './support/run/machine.js';
import type { Stack } from './support/stack.js';

// Tiny runs, so that the benches never rot. What they measure here means nothing.
describe('benches', () => {
  let world: World;
  let stack: Stack;

  beforeAll(async () => {
    world = await World.start();
    stack = await world.startStack({ env: { SANDBOX_TIME_SCALE: String(TIME_SCALE) } });
  });
  afterAll(() => world?.end());

  it(
    'compare ours with bare Temporal and with a queue on PostgreSQL, for the same e-mails',
    async () => {
      const variants = [await startBare(world), oursOn(world, stack), await startPeer(world)];
      const costs = await compare(world, variants, { emails: 6, rounds: 1, say: () => {} });
      expect(costs.map(({ name }) => name)).toEqual(['bare', 'ours', 'peer (graphile-worker)']);
      for (const { emailsPerS } of costs) expect(emailsPerS).toBeGreaterThan(0);
      const [bare, ours, peer] = costs;
      expect(bare?.history?.events).toBeGreaterThan(10);
      expect(ours?.history?.actions).toBeGreaterThan(3);
      expect(ours?.statements).toBeGreaterThan(10);
      expect(peer?.statements).toBeGreaterThan(10);
      expect(costTable(costs)).toContain('our Node');
    },
    patient(60_000),
  );

  it(
    'compare ours with another build of it, each on servers of its own',
    async () => {
      const checkout = fileURLToPath(new URL('..', import.meta.url));
      const options = { checkout, stack, emails: 8, rounds: 2, idleS: 1, say: () => {} };
      const result = await compareBuilds(world, options);
      expect(idleTable(result)).toMatch(/^idle, ms of CPU a second .*worker-critical/);
      expect(besideTable(result)).toMatch(/^CPU, ms an e-mail .*\nours .*\n.*\nmore /);
      for (const { statements } of result.rounds) expect(Math.min(...statements)).toBeGreaterThan(10);
      expect(differenceOf(result)).toMatch(/ ± .* % in e-mails a second, .* ± .* ms of CPU an e-mail$/);
      const nowhere = compareBuilds(world, { ...options, checkout: '/nowhere', stack: undefined });
      await expect(nowhere).rejects.toThrow('/nowhere/dist holds no build');
    },
    patient(120_000),
  );

  it(
    'count what was lost and doubled under a load',
    async () => {
      const result = await runSlo(world, stack, { minutes: 0.05, ratePerS: 6, burst: 3 });
      expect(result).toMatchObject({ lost: 0, duplicates: 0, refused: 0 });
      expect(result.handOvers.length).toBeGreaterThan(3);
      expect(handOverPicture(result.handOvers, 'A picture')).toMatch(/^<svg .*<\/svg>\n$/s);
      expect(checkAgainst(result, 2, DOCUMENTED)).toHaveLength(9);
    },
    patient(60_000),
  );

  it(
    'take webhooks without losing one',
    async () => {
      const result = await benchWebhooks(world, stack, 5);
      expect(result).toMatchObject({ webhooks: 10, refused: {}, lost: 0, wrongStatus: 0 });
    },
    patient(60_000),
  );

  it(
    'take webhooks beside hostile bodies without refusing or losing one',
    async () => {
      const options = { perS: 10, seconds: 2, hostileBytesPerS: 5_000_000 };
      const { quiet, attacked, hostile } = await benchHostile(world, stack, options);
      expect([quiet.webhooks, attacked.webhooks]).toEqual([20, 20]);
      for (const { refused, lost } of [quiet, attacked]) {
        // Without a processor to be had, a webhook may be asked to come again or find no connection, and no more than that.
        expect(Object.keys(refused).filter((status) => status !== '503' && status !== '0')).toEqual([]);
        assertWithRoom('no genuine webhook is refused', () => expect(refused).toEqual({}));
        expect(lost).toBeLessThanOrEqual(Object.values(refused).reduce((all, count) => all + count, 0));
      }
      expect(hostile.requests).toBeGreaterThan(0);
      expect(hostile.answers).not.toHaveProperty('200');
    },
    patient(60_000),
  );

  it(
    'take submissions at a rate',
    async () => {
      expect(await benchApi(world, stack, { perS: 5, seconds: 1 })).toMatchObject({ submitted: 5, errors: 0 });
    },
    patient(60_000),
  );

  it(
    'measure critical beside a backlog',
    async () => {
      const result = await runIsolation(world, stack, { idleS: 1, phaseS: 1, pairs: 1, low: 6, medium: 6 });
      expect(result.idle.count).toBe(2);
      expect(result.onBacklog.count).toBe(2);
    },
    patient(60_000),
  );

  it('leave a paused backlog where it is', async () => {
    await pause(world, 'low');
    await addWaiting(world, { priority: 'low', count: 4, dueInS: -1 });
    const [row] = await world.query<{ n: number }>(
      `select count(*)::int n from email_queue where priority = 'low' and state = 'waiting'`,
    );
    expect(row?.n).toBeGreaterThanOrEqual(4);
  });
});

describe.skipIf(!chromiumPath)('benches of the console', () => {
  it(
    'retry dead letters by a job that is begun in a browser, with the api killed',
    async () => {
      const result = await withWorld(async (world) => benchRetry(world, await world.startStack(), 100));
      expect(result).toMatchObject({ emails: 100, wrong: 0, accepted: 100, twice: 0, isRight: true });
      expect(result.kills).toBeGreaterThan(0);
      expect(retrySentence(result)).toMatch(/as it has to be\.$/);
    },
    patient(120_000),
  );

  it(
    'open the first screen while many wait',
    async () => {
      const result = await withWorld((world) => benchPaint(world, { emails: 300, waiting: 20, rounds: 1 }));
      expect(result).toMatchObject({ emails: 300, waiting: 20 });
      for (const { count, paintMs, numbersMs } of result.openings) {
        expect(count).toBe(1);
        expect(paintMs.worst).toBeGreaterThan(0);
        expect(numbersMs.worst).toBeGreaterThan(0);
      }
      expect(result.looks.length).toBeGreaterThan(0);
      expect(paintTable(result)).toContain('first paint, ms');
    },
    patient(120_000),
  );
});

describe('capacity', () => {
  it(
    'plans fleets that keep every service level, larger ones for more mail',
    () => {
      const plan = planCapacity(1_210_000, DOCUMENTED);
      const larger = planCapacity(3_630_000, DOCUMENTED);
      for (const fleet of Object.values(plan.fleets)) expect(fleet.attainment).toBe(1);
      expect(larger.fleets.low.processes).toBeGreaterThan(plan.fleets.low.processes);
      expect(larger.database.storedGbAMonth).toBeCloseTo(3 * plan.database.storedGbAMonth);
    },
    patient(60_000),
  );
});
