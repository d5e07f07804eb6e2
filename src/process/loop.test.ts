import { expect, it, vi } from 'vitest';
import { repeat } from './loop.js';

it('says that a task fails at each power of two, and that it works again', async () => {
  vi.useFakeTimers();
  const said: unknown[][] = [];
  const note = (fields: unknown, message?: string) => said.push([message, (fields as { failures: number }).failures]);
  let away = true;
  let runs = 0;
  const run = async () => {
    runs++;
    if (away) throw Object.assign(new Error('refused'), { code: 'ECONNREFUSED' });
    return 1_000;
  };
  const loop = repeat('signals', run, { info: note, warn: note } as never);
  await vi.advanceTimersByTimeAsync(60_000);
  const failures = runs;
  expect(failures).toBeGreaterThan(10);
  away = false;
  await vi.advanceTimersByTimeAsync(30_000);
  vi.useRealTimers();
  await loop.stop();
  const told = said.filter(([message]) => message === 'failed; will be repeated');
  expect(told.map(([, count]) => count)).toEqual([1, 2, 4, 8]);
  expect(said.at(-1)).toEqual(['works again', failures]);
});
