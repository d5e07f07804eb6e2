import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { sharedLook } from './shared-look.js';

it('looks once for all who ask meanwhile, and anew for who asks afterwards, also after a failure', async () => {
  let looks = 0;
  const look = sharedLook(async () => {
    const number = ++looks;
    await nextTurn();
    if (number === 2) throw new Error('away');
    return number;
  });
  expect(await Promise.all(Array.from({ length: 1_000 }, look))).toEqual(Array.from({ length: 1_000 }, () => 1));
  const failed = await Promise.allSettled([look(), look()]);
  expect(failed.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  expect(await look()).toBe(3);
});
