import { closeSync, openSync, rmSync, statfsSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { CannotDrill, type Drill } from '../drill.js';
import type { World } from '../world.js';

const BALLAST_CHUNK = Buffer.alloc(1024 * 1024);

/** Writes a file that leaves no room. @returns its path. */
function fillDisk(folder: string): string {
  const path = join(folder, 'ballast');
  const file = openSync(path, 'w');
  try {
    for (;;) writeSync(file, BALLAST_CHUNK);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
  } finally {
    closeSync(file);
  }
  return path;
}

/** Starts PostgreSQL again if the trouble has ended it, as a supervisor does. */
async function reviveDatabase(world: World): Promise<void> {
  try {
    await world.query('select 1');
  } catch {
    await world.postgres.kill();
    await world.postgres.start();
  }
}

export const SERVER_DRILLS: readonly Drill[] = [
  {
    name: 'temporal-down',
    breaks: 'Temporal is killed and away for 2 min',
    outageS: { full: 120, quick: 8 },
    async breakAndHeal(world) {
      await world.temporal.kill();
      await world.outage();
      await world.temporal.start();
    },
  },
  {
    name: 'temporal-database-deleted',
    breaks: 'Temporal is killed and its database deleted, with calls unanswered and webhooks outstanding',
    outageS: { full: 10, quick: 4 },
    async breakAndHeal(world) {
      // So that there are e-mails at every stage: some calls take two seconds, and webhooks come late.
      const slow = { latencyMs: { min: 0, max: 2_000 }, webhooks: { delayMs: 3_000 } };
      await world.stack.setFaults({ mailgun: slow, mandrill: slow });
      await world.outage();
      await world.temporal.kill();
      const [left] = await world.query('select count(*) from email_queue');
      world.say(`deleting Temporal's database with ${left?.count} e-mails unfinished`);
      world.temporal.deleteDatabase();
      await world.temporal.start();
      await world.stack.setFaults({});
    },
  },
  {
    name: 'postgres-restarted',
    breaks: 'PostgreSQL is restarted in order, then killed and started',
    outageS: { full: 20, quick: 8 },
    async breakAndHeal(world) {
      await world.postgres.stop();
      await world.postgres.start();
      await world.outage();
      await world.postgres.kill();
      await world.postgres.start();
    },
  },
  {
    name: 'postgres-down',
    breaks: 'PostgreSQL is killed and away for 1 min',
    outageS: { full: 60, quick: 8 },
    async breakAndHeal(world) {
      await world.postgres.kill();
      await world.outage();
      await world.postgres.start();
    },
  },
  {
    name: 'disk-full',
    breaks: 'the disk of PostgreSQL is full for 30 s',
    outageS: { full: 30, quick: 8 },
    disk: { sizeMb: 400 },
    async breakAndHeal(world) {
      if (!world.diskFolder) throw new CannotDrill('there is no small disk');
      const ballast = fillDisk(world.diskFolder);
      const { bavail, bsize } = statfsSync(world.diskFolder);
      world.say(`the disk has ${bavail * bsize} bytes left`);
      await world.outage();
      rmSync(ballast);
      await reviveDatabase(world);
    },
  },
];
