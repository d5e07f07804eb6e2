import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { until } from '../../test/support/until.js';
import type { Drill } from '../drill.js';
import { WORKERS, type World } from '../world.js';

/** Moments of a call at which the sandbox can hold it. */
const POINTS = ['while_reading_body', 'after_taking_before_answer', 'just_after_answer'] as const;
/** Calls that are held before the kill, and how long that may take to gather. */
const HELD = 4;
const GATHER_MS = 25_000;
const CHANNEL = 'drill_attempt_written';

/** Kills all fleets while calls are held at one point. */
async function killAtPoint({ stack, ...world }: World, pausePoint: (typeof POINTS)[number]): Promise<void> {
  await stack.setFaults({ pausePoint, pauseTimes: HELD });
  const held = async () => {
    const answer = await fetch(`${stack.sandbox}/sandbox/held`);
    return ((await answer.json()) as { held: unknown[] }).held.length;
  };
  await until('calls are held', async () => (await held()) === HELD, GATHER_MS).catch(() => {});
  await Promise.all(WORKERS.map((name) => stack.kill(name)));
  world.options.say(`killed with ${await held()} calls ${pausePoint}`);
  await stack.setFaults({});
  await fetch(`${stack.sandbox}/sandbox/release`, { method: 'POST' });
}

/** Kills all fleets the moment an attempt's row is committed, before its call. */
async function killAfterPermission(world: World): Promise<void> {
  const listener = new pg.Client({ connectionString: world.postgres.url });
  listener.on('error', () => {});
  await listener.connect();
  try {
    await listener.query(`listen ${CHANNEL}`);
    await listener.query(`create or replace function drill_notify() returns trigger language plpgsql as $$
      begin perform pg_notify('${CHANNEL}', new.email_id::text); return new; end $$`);
    await listener.query(
      'create trigger drill_attempt after insert on send_attempts for each row execute function drill_notify()',
    );
    await Promise.race([once(listener, 'notification'), delay(GATHER_MS)]);
    await world.killAll(WORKERS);
    world.say('killed between permission and call');
    await listener.query('drop trigger drill_attempt on send_attempts');
  } finally {
    await listener.end().catch(() => {});
  }
}

export const WORKER_DRILLS: readonly Drill[] = [
  {
    name: 'worker-killed-at-points',
    breaks: 'all workers are killed with calls at each kill point: permitted, being read, taken, just answered',
    outageS: { full: 90, quick: 14 },
    async breakAndHeal(world) {
      for (let round = 0; round < (world.options.quick ? 1 : 2); round++) {
        for (const point of POINTS) {
          await killAtPoint(world, point);
          await world.startAll(WORKERS);
        }
        await killAfterPermission(world);
        await world.startAll(WORKERS);
      }
    },
  },
  {
    name: 'worker-killed-randomly',
    breaks: 'some worker is killed at a random moment, 20 times',
    outageS: { full: 50, quick: 12 },
    async breakAndHeal(world) {
      const kills = world.options.quick ? 6 : 20;
      for (let kill = 0; kill < kills; kill++) {
        await delay(((2 * world.brokenS * 1000) / kills) * Math.random());
        const name = WORKERS[Math.floor(Math.random() * WORKERS.length)]!;
        await world.stack.restart(name);
      }
    },
  },
  {
    name: 'worker-frozen',
    breaks: 'one of two workers of each priority is frozen (SIGSTOP) for 60 s, then wakes',
    outageS: { full: 60, quick: 8 },
    async breakAndHeal(world) {
      for (const name of WORKERS) await world.stack.startProcess(name, `second-${name}`);
      const frozen = WORKERS.map((name) => world.stack.pidOf(name));
      await delay(2_000);
      for (const pid of frozen) process.kill(pid, 'SIGSTOP');
      try {
        await world.outage();
      } finally {
        for (const pid of frozen) process.kill(pid, 'SIGCONT');
      }
    },
  },
];
