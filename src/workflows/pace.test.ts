import { describe, expect, it } from 'vitest';
import { Pace } from './pace.js';

const backoff = { initialMs: 1_000, maxMs: 60_000 };
const refused = { refused: true, readyInMs: 0 };
const waiting = { refused: false, readyInMs: 1_000 };

describe('the pause between rounds', () => {
  it('doubles with every refusal up to the bound, half of it random', () => {
    const pace = new Pace('low', backoff);
    for (const step of [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000]) {
      const pause = pace.next(refused);
      expect(pause).toBeGreaterThanOrEqual(step / 2);
      expect(pause).toBeLessThanOrEqual(step);
    }
  });

  it('is at least what every provider asked for', () => {
    expect(new Pace('low', backoff).next({ ...refused, readyInMs: 30_000 })).toBe(30_000);
  });

  it('waiting for admission is no refusal: it does not lengthen the back-off', () => {
    const pace = new Pace('low', backoff);
    for (let n = 0; n < 20; n++) pace.next(waiting);
    expect(pace.next(refused)).toBeLessThanOrEqual(1_000);
  });

  it('for admission grows only so far: critical asks at least every five seconds', () => {
    const pace = new Pace('critical', backoff);
    const pauses = Array.from({ length: 50 }, () => pace.next(waiting));
    expect(Math.max(...pauses)).toBeLessThanOrEqual(5_000);
  });
});
