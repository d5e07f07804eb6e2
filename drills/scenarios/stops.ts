import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CannotDrill, type Drill } from '../drill.js';
import type { World } from '../world.js';

async function control(world: World, act: 'pause' | 'resume'): Promise<void> {
  const response = await fetch(`${world.stack.api}/api/admin/queues/all/${act}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${world.stack.key}`, 'content-type': 'application/json' },
    body: JSON.stringify(act === 'pause' ? { reason: 'a drill' } : {}),
  });
  if (response.status === 404) throw new CannotDrill('this release cannot pause');
  if (!response.ok) throw new Error(`${act} was refused with ${response.status}: ${await response.text()}`);
}

export const STOP_DRILLS: readonly Drill[] = [
  {
    name: 'storage-down',
    breaks: 'the object storage is unusable for 40 s; a fifth of the e-mails carry attachments',
    outageS: { full: 40, quick: 8 },
    criticalInTime: true,
    async breakAndHeal(world) {
      const storage = join(world.stack.directory, 'storage');
      mkdirSync(storage, { recursive: true });
      renameSync(storage, `${storage}-away`);
      writeFileSync(storage, 'not a folder');
      await world.outage();
      rmSync(storage);
      renameSync(`${storage}-away`, storage);
    },
  },
  {
    name: 'paused-past-lifetime',
    breaks: 'everything is paused for longer than any e-mail lives',
    outageS: { full: 150, quick: 45 },
    // Shorter than the pause, and longer than the backlog needs afterwards: 300 e-mails took 60 s on a busy machine.
    lifetimeS: { full: 140, quick: 40 },
    async breakAndHeal(world) {
      await control(world, 'pause');
      await world.outage();
      await control(world, 'resume');
    },
  },
  {
    name: 'full-stop',
    breaks: 'every process, Temporal and PostgreSQL are killed at once, and started again',
    outageS: { full: 20, quick: 3 },
    async breakAndHeal(world) {
      await Promise.all([world.killAll(), world.temporal.kill(), world.postgres.kill()]);
      await world.outage();
      await Promise.all([world.temporal.start(), world.postgres.start()]);
      await world.startAll();
    },
  },
];
