import { expect, it } from 'vitest';
import { shared } from './shared.js';

it('one count serves all who ask in its time, one after another and at once; a failure is not kept', async () => {
  let counts = 0;
  let now = 0;
  let fails = false;
  const sample = shared(
    async () => {
      counts++;
      if (fails) throw new Error('no database');
      return String(counts);
    },
    5_000,
    () => now,
  );
  expect(await Promise.all([sample(), sample()])).toEqual(['1', '1']);
  now = 4_999;
  expect(await sample()).toBe('1');
  now = 5_000;
  fails = true;
  await expect(sample()).rejects.toThrow('no database');
  fails = false;
  expect(await sample()).toBe('3');
  expect(counts).toBe(3);
});
