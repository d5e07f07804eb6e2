import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import type { Job } from '../src/domain/jobs/jobs.js';
import { type Db, openDatabase } from '../src/postgres/database.js';
import { insertDeadEmails, jobsBy, livesOf } from '../test/support/operators/jobs.js';
import type { Stack } from '../test/support/stack.js';
import { withWorld } from './harness/world.js';
import { write } from './results.js';

const USAGE = `npm run bench:jobs -- [--emails N] [--rate N]
  --emails N  dead letters that one job retries (10,000); its workers and the api are killed at 20, 50 and 80 %
  --rate N    the most a second (200)
`;

const { values } = parseArgs({
  options: {
    emails: { type: 'string', default: '10000' },
    rate: { type: 'string', default: '200' },
    help: { type: 'boolean', default: false },
  },
});
const count = Number(values.emails);
const ratePerS = Number(values.rate);

if (values.help || !(count > 0 && ratePerS > 0 && ratePerS <= 500)) {
  write(USAGE);
  process.exitCode = values.help ? 0 : 2;
} else {
  await withWorld(async (world) => {
    const db = openDatabase({ url: world.url, poolSize: 4, name: 'bench', logger: { warn: () => {} } });
    world.own(db, (it) => it.destroy());
    const stack = await world.startStack();
    await run(db, stack);
  });
}

async function run(db: Db, stack: Stack): Promise<void> {
  // What is retried stays in the queue: this is about the job.
  await db.updateTable('queue_controls').set({ paused_at: new Date() }).execute();
  const { id: clientId } = await db
    .insertInto('clients')
    .values({ name: 'bench' })
    .returning('id')
    .executeTakeFirstOrThrow();
  await insertDeadEmails(db, { clientId, count });
  const jobs = jobsBy(stack);
  const begunAt = Date.now();
  const { id } = await jobs.begin({ kind: 'retry', filter: { client: clientId }, rate_per_s: ratePerS });
  const reaches = async (what: string, holds: (job: Job) => boolean) => {
    for (;;) {
      const job = await jobs.read(id);
      if (job && holds(job)) {
        write(`${((Date.now() - begunAt) / 1_000).toFixed(1)} s  ${what}: ${job.counts.done} of ${job.matched} done`);
        return job;
      }
      await delay(200);
    }
  };
  await reaches('listed', ({ state }) => state !== 'planning');
  for (const part of [0.2, 0.5, 0.8]) {
    await reaches('api and workers are killed', ({ counts }) => counts.done >= part * count);
    await Promise.all((['api', 'worker-low', 'worker-medium'] as const).map((name) => stack.restart(name)));
  }
  const job = await reaches('over', ({ state }) => state === 'done' || state === 'failed');
  const lives = await livesOf(db, clientId, id);
  const isRight =
    job.counts.done === count && lives.length === 1 && lives[0]!.generation === 2 && lives[0]!.by_job === 1;
  write(`lives of the e-mails: ${JSON.stringify(lives)}; ${isRight ? 'each retried once' : 'WRONG'}`);
  if (!isRight) process.exitCode = 1;
}
