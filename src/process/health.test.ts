import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Health } from './health.js';

// A look is remembered for a second, and given up after two: the clock is ours, so that nobody waits for it.
beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const fails = () => Promise.reject(new Error('no connection to db.example.com'));
const running = () => {
  const health = new Health();
  health.started();
  return health;
};

describe('health', () => {
  it('of a process that runs and lacks nothing is well', async () => {
    const health = running();
    health.lives('worker_failed', () => {});
    health.needs('database_unavailable', async () => undefined);
    expect(await health.isAlive()).toEqual({ well: true, body: { status: 'ok' } });
    expect(await health.isReady()).toEqual({ well: true, body: { status: 'ready' } });
  });

  it('tells what is missing by codes, never by an error’s sentence; the process lives on', async () => {
    const health = running();
    health.needs('database_unavailable', fails);
    health.needs('temporal_unavailable', async () => {});
    expect((await health.isAlive()).well).toBe(true);
    const ready = await health.isReady();
    expect(ready).toEqual({ well: false, body: { status: 'not_ready', reasons: ['database_unavailable'] } });
  });

  it('tells the closer reason that a look finds', async () => {
    const health = running();
    health.needs('database_unavailable', async () => 'database_not_migrated');
    expect((await health.isReady()).body.reasons).toEqual(['database_not_migrated']);
  });

  it('is neither alive nor ready when what keeps it alive has ended', async () => {
    const health = running();
    health.lives('worker_failed', () => {
      throw new Error('failed');
    });
    expect((await health.isAlive()).body).toEqual({ status: 'not_alive', reasons: ['worker_failed'] });
    expect((await health.isReady()).body).toEqual({ status: 'not_ready', reasons: ['worker_failed'] });
  });

  it('of one that starts or stops is alive and not ready, and what the start waits for is told', async () => {
    const health = new Health();
    health.needs('temporal_unavailable', fails);
    expect((await health.isAlive()).well).toBe(true);
    expect((await health.isReady()).body.reasons).toEqual(['temporal_unavailable', 'starting']);
    health.started();
    health.stopping();
    vi.advanceTimersByTime(1_000);
    expect((await health.isReady()).body.reasons).toEqual(['temporal_unavailable', 'stopping']);
  });

  it('is told although a look never ends', async () => {
    const health = running();
    health.needs('database_unavailable', () => new Promise(() => {}));
    const asked = health.isReady();
    await vi.advanceTimersByTimeAsync(2_000);
    expect((await asked).body.reasons).toEqual(['database_unavailable']);
  });

  it('is looked for once for all who ask within a second', async () => {
    const health = running();
    let looks = 0;
    health.needs('database_unavailable', () => void looks++);
    await Promise.all(Array.from({ length: 20 }, () => health.isReady()));
    expect(looks).toBe(1);
    vi.advanceTimersByTime(1_000);
    await health.isReady();
    expect(looks).toBe(2);
  });

  it('is not alive while the event loop stood still for more than five seconds of the last ten', async () => {
    let stoodStillMs = 0;
    const health = new Health(() => performance.now() + stoodStillMs);
    health.started();
    vi.advanceTimersByTime(2_000);
    // Timers come late: the clock goes on, and nothing runs.
    const blockedMs = (ms: number) => {
      stoodStillMs += ms;
    };
    blockedMs(4_000);
    expect((await health.isAlive()).well).toBe(true);
    vi.advanceTimersByTime(1_000);
    blockedMs(6_000);
    expect((await health.isAlive()).body).toEqual({ status: 'not_alive', reasons: ['event_loop_blocked'] });
    vi.advanceTimersByTime(9_000);
    expect((await health.isAlive()).well).toBe(false);
    vi.advanceTimersByTime(2_000);
    expect((await health.isAlive()).well).toBe(true);
  });
});
