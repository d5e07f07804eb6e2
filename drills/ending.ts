import { setTimeout as delay } from 'node:timers/promises';
import type { Drill } from './drill.js';
import type { World } from './world.js';

/** From the last acceptance (or the healing, whichever is later) to "it never ends"; longer when a drill is stretched. */
const PATIENCE_S = { full: 300, quick: 90 } as const;
const LOOK_EVERY_MS = 500;
/** Nothing may be sent a second time after the end either. */
const AFTERMATH_MS = { full: 3_000, quick: 1_000 };

/**
 * Waits until every e-mail has ended and every attachment is in the object storage.
 *
 * @returns what has not come to its end in time.
 */
export async function waitForEnd(world: World, drill: Drill): Promise<string[]> {
  const { quick, stretch = 1 } = world.options;
  const giveUpAt = Date.now() + (quick ? PATIENCE_S.quick : PATIENCE_S.full) * stretch * 1000;
  let open = ['nobody has looked yet'];
  while (Date.now() < giveUpAt) {
    open = await openEnds(world, drill.silence ?? false).catch((error) => [
      `the record could not be read: ${String(error)}`,
    ]);
    if (open.length === 0) break;
    await delay(LOOK_EVERY_MS);
  }
  await delay(world.options.quick ? AFTERMATH_MS.quick : AFTERMATH_MS.full);
  return open;
}

/** @param silent nothing is heard of what a provider has: that is an end as well. */
async function openEnds(world: World, silent: boolean): Promise<string[]> {
  const statuses = await world.query<{ status: string; priority: string; count: string }>(
    `select status, priority, count(*) from emails
      where status not in (select name from statuses where final or (unheard and $1)) group by 1, 2`,
    [silent],
  );
  const [spool] = await world.query<{ count: string }>('select count(*) from attachments where storage_path is null');
  return [
    ...statuses.map(({ status, priority, count }) => `${count} ${priority} still "${status}"`),
    ...(spool && spool.count !== '0' ? [`${spool.count} attachments still in the spool`] : []),
  ];
}
