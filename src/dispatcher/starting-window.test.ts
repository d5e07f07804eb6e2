import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { TimeToFirstCall } from '../domain/queue/time-to-first-call.js';
import { QuickestFirstCall, StartingWindow } from './starting-window.js';

/** A system whose times take `idleMs` for as many as its cores manage at once, and longer for more. */
interface System {
  readonly idleMs: number;
  readonly atOnce: number;
}

let id = 0;
const begun = (ms: number): TimeToFirstCall => ({ emailId: String(id++), state: 'called', ms });

/** As often as it takes to be believed. */
function noteOften(quickest: QuickestFirstCall, ms: number): QuickestFirstCall {
  for (let sample = 0; sample < 5; sample++) quickest.note(ms);
  return quickest;
}

const quickestOf = (ms: number) => noteOften(new QuickestFirstCall(), ms);

/** Lets a window adapt to a system with a backlog, once a second. @returns its sizes. */
async function adapt(window: StartingWindow, system: System, seconds: number, jitter = () => 1): Promise<number[]> {
  const sizes: number[] = [];
  for (let second = 0; second < seconds; second++) {
    const ms = system.idleMs * Math.max(1, window.size / system.atOnce);
    window.note([], true);
    await window.adapt(async () => Array.from({ length: 9 }, () => begun(ms * jitter())));
    sizes.push(window.size);
  }
  return sizes;
}

describe('the window of e-mails on their way to their first call', () => {
  it('finds what busy cores manage, whatever it begins with, and stays there', async () => {
    const jitter = fc.array(fc.double({ min: 0.8, max: 1.2, noNaN: true }), { minLength: 60, maxLength: 60 });
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 20, max: 500 }),
        fc.integer({ min: 1, max: 40 }),
        fc.constantFrom(15, 60, 300),
        jitter,
        async (idleMs, atOnce, limit, factors) => {
          const quickest = quickestOf(idleMs);
          let n = 0;
          const window = new StartingWindow(limit, quickest);
          const sizes = await adapt(window, { idleMs, atOnce }, 120, () => factors[n++ % factors.length]!);
          const most = Math.max(limit * 0.1, atOnce * Math.max(2.5, 60 / idleMs) * 1.5, 1) + 1;
          const settled = sizes.slice(60);
          expect(Math.max(...settled)).toBeLessThanOrEqual(most);
          // As many as the cores manage: none of them idles.
          expect(Math.min(...settled)).toBeGreaterThanOrEqual(atOnce);
        },
      ),
    );
  });

  it('grows as far as it is used up where servers are slow for one but not busy', async () => {
    const window = new StartingWindow(15, new QuickestFirstCall());
    const sizes = await adapt(window, { idleMs: 400, atOnce: 1_000 }, 60);
    expect(sizes.at(-1)).toBeGreaterThan(100);
  });

  it('does not grow while it is not used up', async () => {
    const window = new StartingWindow(50, new QuickestFirstCall());
    for (let n = 0; n < 20; n++) await window.adapt(async () => [begun(20)]);
    expect(window.size).toBe(10);
  });

  it('never shrinks below a tenth of the limit, nor below one', async () => {
    for (const [limit, least] of [
      [5, 1],
      [40, 4],
    ] as const) {
      const quickest = quickestOf(20);
      const window = new StartingWindow(limit, quickest);
      await adapt(window, { idleMs: 20_000, atOnce: 1 }, 100);
      expect(window.size).toBe(least);
    }
  });

  it('counts what does not arrive, waits for what has only begun, and leaves out what needs no call', async () => {
    const window = new StartingWindow(100, new QuickestFirstCall());
    const asked: string[][] = [];
    const answer = (times: readonly TimeToFirstCall[]) =>
      window.adapt(async (started) => {
        asked.push(started.map(({ emailId }) => emailId));
        return times;
      });
    window.note(
      ['stuck', 'young', 'suppressed'].map((emailId) => ({ emailId, atMs: 0 })),
      true,
    );
    await answer([
      { emailId: 'stuck', state: 'pending', ms: 5_000 },
      { emailId: 'young', state: 'pending', ms: 10 },
      { emailId: 'suppressed', state: 'left', ms: 9_000 },
    ]);
    expect(window.size).toBe(16);
    await answer([{ emailId: 'young', state: 'left', ms: 1_010 }]);
    expect(window.size).toBe(16);
    await answer([]);
    expect(asked).toEqual([['stuck', 'young', 'suppressed'], ['young'], []]);
  });

  it('sees slow times however many are started a second', async () => {
    const quickest = quickestOf(50);
    const window = new StartingWindow(1_000, quickest);
    for (let second = 1; second <= 10; second++) {
      const started = Array.from({ length: 500 }, (_, n) => ({ emailId: String(id++), atMs: second * 1000 + 2 * n }));
      window.note(started, true);
      const nowMs = (second + 1) * 1000;
      await window.adapt(async (asked) =>
        asked.map(({ emailId, atMs }) =>
          nowMs - atMs >= 800 ? { emailId, state: 'called', ms: 800 } : { emailId, state: 'pending', ms: nowMs - atMs },
        ),
      );
    }
    expect(window.size).toBe(100);
  });

  it('takes no single way for the quickest', () => {
    const quickest = new QuickestFirstCall();
    for (const ms of [100, 100, 3, 100, 100, 3, 100]) quickest.note(ms);
    expect(quickest.longMs).toBe(250);
  });

  it('remembers the quickest way for six hours at least, and for twelve at most', () => {
    let nowMs = 0;
    const quickest = new QuickestFirstCall(() => nowMs);
    const noted = (hours: number, ms: number) => {
      nowMs = hours * 3_600_000;
      noteOften(quickest, ms);
      return quickest.longMs;
    };
    expect(quickest.longMs).toBe(60);
    expect(noted(0, 100)).toBe(250);
    expect(noted(5, 200)).toBe(250);
    expect(noted(7, 200)).toBe(250);
    expect(noted(13, 200)).toBe(500);
    expect(noted(14, 10)).toBe(60);
    expect(noted(50, 300), 'after two idle days').toBe(750);
    expect(noted(100, 9_000)).toBe(1_000);
  });
});
