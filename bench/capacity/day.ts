import { randomSource } from '../harness/figures.js';
import type { Arriving } from './simulation.js';

const DAY_S = 86_400;
const STEP_S = 1;
/** Working hours, in which medium mail is written: 08:00 to 18:00. */
const WORK_FROM_S = 8 * 3_600;
const WORK_TO_S = 18 * 3_600;
/** Of a day's medium mail: in working hours, at a steady rate; in bursts; the rest around the clock. */
const MEDIUM = { working: 0.6, bursts: 0.25, always: 0.15, burstCount: 25, burstS: 10 };
/** Bulk comes in mailings, each handed in within five minutes. */
const LOW = { mailings: 0.8, always: 0.2, mailingCount: 20, mailingS: 300 };

/**
 * A day's arrivals in the shape of the requirements: critical steady, medium with bursts in working hours, low as bulk.
 * In steps of a second, each with the mean count and what is left carried on: at a day's numbers chance evens out.
 */
export function dayOf(perDay: number): Arriving[] {
  const critical = (perDay * 10) / 1_210;
  const medium = (perDay * 200) / 1_210;
  const low = (perDay * 1_000) / 1_210;
  const random = randomSource(3);
  const between = (from: number, to: number) => Math.floor(from + random() * (to - from));
  const bursts = Array.from({ length: MEDIUM.burstCount }, () => between(WORK_FROM_S, WORK_TO_S));
  const mailings = Array.from({ length: LOW.mailingCount }, () => between(0, DAY_S - LOW.mailingS));
  const within = (starts: readonly number[], lengthS: number, second: number) =>
    starts.filter((start) => second >= start && second < start + lengthS).length;

  const arrivals: Arriving[] = [];
  const carried = { critical: 0, medium: 0, low: 0 };
  for (let second = 0; second < DAY_S; second += STEP_S) {
    const working = second >= WORK_FROM_S && second < WORK_TO_S;
    const rates = {
      critical: critical / DAY_S,
      medium:
        (medium * MEDIUM.always) / DAY_S +
        (working ? (medium * MEDIUM.working) / (WORK_TO_S - WORK_FROM_S) : 0) +
        (within(bursts, MEDIUM.burstS, second) * medium * MEDIUM.bursts) / (MEDIUM.burstCount * MEDIUM.burstS),
      low:
        (low * LOW.always) / DAY_S +
        (within(mailings, LOW.mailingS, second) * low * LOW.mailings) / (LOW.mailingCount * LOW.mailingS),
    };
    for (const priority of ['critical', 'medium', 'low'] as const) {
      carried[priority] += rates[priority] * STEP_S;
      const count = Math.floor(carried[priority]);
      if (count > 0) arrivals.push({ atMs: second * 1000, priority, count });
      carried[priority] -= count;
    }
  }
  return arrivals;
}
