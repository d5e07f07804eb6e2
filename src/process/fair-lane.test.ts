import { expect, it } from 'vitest';
import { createFairLane, type FairLane } from './fair-lane.js';

/** Work of an owner that ends when it is told to; what has begun is in `begun`. */
function workIn(lane: FairLane) {
  const begun: string[] = [];
  const ends: (() => void)[] = [];
  const run = (owner: string) =>
    lane.run(owner, () => {
      begun.push(owner);
      return new Promise<void>((resolve) => ends.push(resolve));
    });
  return { begun, ends, run };
}

it('lets an owner that waits go before one that has work running', async () => {
  const { begun, ends, run } = workIn(createFairLane({ atOnce: 2, mostWaiting: 100 }));
  for (let count = 0; count < 20; count++) void run('many');
  void run('one');
  await expect.poll(() => begun).toEqual(['many', 'many']);
  ends.shift()!();
  await expect.poll(() => begun).toEqual(['many', 'many', 'one']);
  ends.shift()!();
  await expect.poll(() => begun).toEqual(['many', 'many', 'one', 'many']);
});

it('lets one owner fill no more than half of the places to wait that others leave', async () => {
  const { run } = workIn(createFairLane({ atOnce: 1, mostWaiting: 100 }));
  const taken = (owner: string) =>
    Array.from({ length: 200 }, () => run(owner)).filter((it) => it !== undefined).length;
  expect([taken('many'), taken('more'), taken('one')]).toEqual([51, 25, 13]);
});

it('leaves places to others where work lasts, and gives them back', async () => {
  const { begun, ends, run } = workIn(createFairLane({ atOnce: 4, mostWaiting: 10, isLasting: true }));
  for (let count = 0; count < 4; count++) void run('many');
  await expect.poll(() => begun).toEqual(['many', 'many']);
  void run('one');
  await expect.poll(() => begun).toEqual(['many', 'many', 'one']);
  for (const end of ends.splice(0, 2)) end();
  await expect.poll(() => begun).toEqual(['many', 'many', 'one', 'many']);
  for (const end of ends.splice(0)) end();
  await expect.poll(() => begun).toEqual(['many', 'many', 'one', 'many', 'many']);
});

it('has its one place for whoever comes, whatever became of the one before', async () => {
  const lane = createFairLane({ atOnce: 1, mostWaiting: 0, isLasting: true });
  const failed = lane.run('a', () => Promise.reject(new Error('failed')));
  expect(lane.run('b', async () => 1)).toBeUndefined();
  await expect(failed).rejects.toThrow('failed');
  expect(await lane.run('b', async () => 2)).toBe(2);
});
