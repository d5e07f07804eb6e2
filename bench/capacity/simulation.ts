import { type PerPriority, PRIORITIES, type Priority, perPriority } from '../../src/priority.js';
import { randomSource } from '../harness/figures.js';
import { Queue } from './queue.js';

/** Arrivals of one moment: how many e-mails of a priority. */
export interface Arriving {
  readonly atMs: number;
  readonly priority: Priority;
  readonly count: number;
}

/** Cores that some priorities share, and what an e-mail takes of them. */
export interface Pool {
  readonly priorities: readonly Priority[];
  /** CPU milliseconds that are given out in a second. */
  readonly cpuMsPerS: number;
  readonly cpuMsPerEmail: number;
}

export interface Model {
  readonly pools: readonly Pool[];
  /** How many e-mails may be handed over at once, over the whole fleet. */
  readonly inFlight: PerPriority<number>;
  /** How many of them may be on their way to their first call: those queue for cores, a call does not. */
  readonly starting: PerPriority<number>;
  /** A hand-over without any load. */
  readonly idleHandOverMs: number;
  /** The share of an e-mail's CPU that is spent before the provider has it; the rest follows with its webhooks. */
  readonly handOverShare: number;
  readonly providerMs: { readonly min: number; readonly max: number };
  readonly stepMs: number;
}

/** E-mails that were handed over together. */
export interface Served {
  readonly count: number;
  readonly handOverMs: number;
}

export interface Outcome {
  readonly served: PerPriority<readonly Served[]>;
  /** The largest share of its CPU that a pool gave out over a minute; 1 is saturated. */
  readonly busiest: number;
}

const MOST_SLOWDOWN = 10_000;

/**
 * Follows a load through the fleets in steps. Each priority is first come, first served; the cap in flight and the time
 * of a hand-over bound its rate (Little's law), and the cores of a pool are shared by all that are at work there: when
 * they are too few, everybody takes longer by the same factor.
 */
export function simulate(arrivals: readonly Arriving[], model: Model): Outcome {
  const queues = perPriority(() => new Queue());
  const served = perPriority<Served[]>(() => []);
  const random = randomSource(2);
  const { stepMs } = model;
  // A part of an e-mail that a step had capacity for is not lost: it is the next step's.
  const credit = { critical: 0, medium: 0, low: 0 };
  const meanMs = (model.providerMs.min + model.providerMs.max) / 2;
  let next = 0;
  let busiest = 0;
  let minute = { used: 0, given: 0 };
  for (let nowMs = 0; next < arrivals.length || PRIORITIES.some((priority) => queues[priority].length > 0); ) {
    nowMs += stepMs;
    for (; next < arrivals.length && arrivals[next]!.atMs < nowMs; next++) {
      const { priority, atMs, count } = arrivals[next]!;
      queues[priority].add(atMs, count);
    }
    for (const pool of model.pools) {
      const cpuBeforeMs = pool.cpuMsPerEmail * model.handOverShare;
      const timeMs = (slowdown: number) => model.idleHandOverMs * slowdown + meanMs;
      const rates = (slowdown: number) =>
        pool.priorities.map((priority) =>
          Math.min(
            queues[priority].length,
            (model.inFlight[priority] * stepMs) / Math.max(timeMs(slowdown), cpuBeforeMs),
            (model.starting[priority] * stepMs) / (model.idleHandOverMs * slowdown),
          ),
        );
      const budgetMs = (pool.cpuMsPerS * stepMs) / 1000;
      const cpuMs = (slowdown: number) => rates(slowdown).reduce((all, rate) => all + rate, 0) * pool.cpuMsPerEmail;
      const slowdown = slowdownOf(cpuMs, budgetMs);
      minute.used += Math.min(cpuMs(slowdown), budgetMs);
      minute.given += budgetMs;
      for (const [index, rate] of rates(slowdown).entries()) {
        const priority = pool.priorities[index]!;
        credit[priority] = Math.min(credit[priority] + rate, queues[priority].length);
        credit[priority] -= queues[priority].take(Math.floor(credit[priority]), (atMs, count) => {
          const provider = model.providerMs.min + random() * (model.providerMs.max - model.providerMs.min);
          const waitedMs = Math.max(0, nowMs - stepMs - atMs);
          served[priority].push({ count, handOverMs: waitedMs + model.idleHandOverMs * slowdown + provider });
        });
      }
    }
    if (nowMs % 60_000 < stepMs) {
      busiest = Math.max(busiest, minute.given === 0 ? 0 : minute.used / minute.given);
      minute = { used: 0, given: 0 };
    }
  }
  return { served, busiest };
}

/** The smallest factor by which everybody is slower, so that no more CPU is used than there is. */
function slowdownOf(cpuMs: (slowdown: number) => number, budgetMs: number): number {
  if (cpuMs(1) <= budgetMs) return 1;
  let [low, high] = [1, MOST_SLOWDOWN];
  for (let step = 0; step < 40; step++) {
    const middle = (low + high) / 2;
    if (cpuMs(middle) > budgetMs) low = middle;
    else high = middle;
  }
  return high;
}

/** The time within which a share of e-mails was handed over. */
export function servedWithin(served: readonly Served[], share: number): number {
  const sorted = [...served].sort((a, b) => a.handOverMs - b.handOverMs);
  const all = sorted.reduce((sum, { count }) => sum + count, 0);
  let seen = 0;
  for (const { count, handOverMs } of sorted) {
    seen += count;
    if (seen >= share * all) return handOverMs;
  }
  return Number.NaN;
}

/** The share that was handed over in time. */
export function attainmentOf(served: readonly Served[], deadlineMs: number): number {
  const all = served.reduce((sum, { count }) => sum + count, 0);
  const inTime = served.reduce((sum, { count, handOverMs }) => sum + (handOverMs <= deadlineMs ? count : 0), 0);
  return all === 0 ? 1 : inTime / all;
}
