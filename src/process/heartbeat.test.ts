import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { startHeartbeat } from './heartbeat.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** A place of which each beat and goodbye is kept. */
function place() {
  const said: unknown[] = [];
  const state = { away: false, frozen: false };
  const say = async (what: unknown) => {
    if (state.frozen) await new Promise(() => {});
    if (state.away) throw new Error('away');
    said.push(what);
  };
  return { said, state, everyMs: 5_000, beat: (vitals: unknown) => say(vitals), goodbye: () => say('goodbye') };
}

it('beats at once and then twelve times a minute, and says goodbye', async () => {
  const to = place();
  const heartbeat = startHeartbeat(to);
  await vi.advanceTimersByTimeAsync(60_000 - 1);
  expect(to.said).toHaveLength(12);
  await heartbeat.stop();
  expect(to.said.at(-1)).toBe('goodbye');
  await vi.advanceTimersByTimeAsync(60_000);
  expect(to.said).toHaveLength(13);
});

it('tells what it is told to tell, at once', async () => {
  const to = place();
  const heartbeat = startHeartbeat(to);
  await vi.advanceTimersByTimeAsync(1_000);
  heartbeat.tell(() => 'well');
  await vi.advanceTimersByTimeAsync(1);
  expect(to.said).toEqual([undefined, 'well']);
  await heartbeat.stop();
});

it('beats again within five seconds of the place being back, and ends although it is away or never answers', async () => {
  const to = place();
  const heartbeat = startHeartbeat(to);
  await vi.advanceTimersByTimeAsync(1);
  to.state.away = true;
  await vi.advanceTimersByTimeAsync(600_000);
  expect(to.said).toHaveLength(1);
  to.state.away = false;
  await vi.advanceTimersByTimeAsync(5_000);
  expect(to.said.length).toBeGreaterThan(1);
  to.state.frozen = true;
  await vi.advanceTimersByTimeAsync(5_000);
  const stopped = heartbeat.stop();
  await vi.advanceTimersByTimeAsync(2_000);
  await stopped;
  expect(to.said).not.toContain('goodbye');
});
