import { expect, it } from 'vitest';
import { createLane } from './lane.js';

/** Work that ends when it is told to. */
function work() {
  let end: (error?: Error) => void = () => {};
  const ended = new Promise<void>((resolve, reject) => {
    end = (error) => (error ? reject(error) : resolve());
  });
  return { ended, end };
}

it('runs so many at once, the others in turn, whatever becomes of the ones before', async () => {
  const lane = createLane(2);
  const begun: number[] = [];
  const works = Array.from({ length: 5 }, work);
  const runs = works.map(({ ended }, n) =>
    lane.run(() => {
      begun.push(n);
      return ended;
    }),
  );
  runs[0]?.catch(() => undefined);
  await Promise.resolve();
  expect(begun).toEqual([0, 1]);
  works[0]!.end(new Error('failed'));
  await expect(runs[0]).rejects.toThrow('failed');
  await expect.poll(() => begun).toEqual([0, 1, 2]);
  for (const { end } of works.slice(1)) end();
  await Promise.all(runs.slice(1));
  expect(begun).toEqual([0, 1, 2, 3, 4]);
  await lane
    .run(async () => {
      throw new Error('at once');
    })
    ?.catch(() => undefined);
  expect(await Promise.all([1, 2].map((n) => lane.run(async () => n)))).toEqual([1, 2]);
});

it('lets no more wait than it may', async () => {
  const lane = createLane(1, 1);
  const { ended, end } = work();
  const [running, waiting, refused] = [1, 2, 3].map(() => lane.run(() => ended));
  expect(refused).toBeUndefined();
  end();
  await Promise.all([running, waiting]);
  expect(lane.run(() => ended)).toBeDefined();
});
