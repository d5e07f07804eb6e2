import type { ServiceLevelCounts } from './report.js';

/** How well an objective is kept, in e-mails. */
export interface Attainment {
  /** Those that count: in time, late, or dead. */
  readonly measured: number;
  /** Of these, in time: 0 to 100; null when there are none. */
  readonly attainment_percent: number | null;
  /** How many of those measured the objective lets miss. */
  readonly budget: number;
  /** What is left of it; negative when more have missed. */
  readonly budget_left: number;
}

/**
 * Measures counts by an objective. Three kinds of e-mails do not count at all: those that could never be handed over
 * (failed, suppressed, cancelled), those that an operator held up (late by pause), and those that still have time.
 *
 * @param targetPercent how many of a hundred are to be in time.
 */
export function attain(counts: ServiceLevelCounts, targetPercent: number): Attainment {
  const missed = counts.late + counts.dead;
  const measured = counts.in_time + missed;
  // In whole numbers: 0.1 % of 1000 has to be 1, not 0.99999.
  const budget = Math.floor((measured * Math.round((100 - targetPercent) * 1e6)) / 1e8);
  return {
    measured,
    attainment_percent: measured === 0 ? null : floorTo(4, (100 * counts.in_time) / measured),
    budget,
    budget_left: budget - missed,
  };
}

/** Downwards: what is not all is never shown as 100 %. */
const floorTo = (digits: number, value: number) => Math.floor(value * 10 ** digits) / 10 ** digits;
