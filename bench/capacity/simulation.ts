import { LONG_FACTOR } from '../../src/dispatcher/starting-window.js';
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
  /** E-mails a second that what all pools share (PostgreSQL, Temporal) takes at most; without a limit when left out. */
  readonly serversPerS?: number;
  /** A hand-over without any load. */
  readonly idleHandOverMs: number;
  readonly providerMs: { readonly min: number; readonly max: number };
  readonly stepMs: number;
}

/** E-mails that were handed over together. */
export interface Served {
  readonly count: number;
  readonly handOverMs: number;
}

/**
 * Follows a load through the fleets in steps. Each priority is first come, first served; the in-flight limit and the time
 * of a hand-over bound its rate (Little's law), and the cores of a pool are shared by all that are at work there, the
 * more urgent first. When they are too few, hand-overs take longer, up to what the windows of starting e-mails allow.
 *
 * @returns what was handed over, of each priority.
 */
export function simulate(arrivals: readonly Arriving[], model: Model): PerPriority<readonly Served[]> {
  const queues = perPriority(() => new Queue());
  const served = perPriority<Served[]>(() => []);
  const random = randomSource(2);
  const { stepMs } = model;
  // A part of an e-mail that a step had capacity for is not lost: it is the next step's.
  const credit = { critical: 0, medium: 0, low: 0 };
  const meanMs = (model.providerMs.min + model.providerMs.max) / 2;
  let next = 0;
  for (let nowMs = 0; next < arrivals.length || PRIORITIES.some((priority) => queues[priority].length > 0); ) {
    nowMs += stepMs;
    for (; next < arrivals.length && arrivals[next]!.atMs < nowMs; next++) {
      const { priority, atMs, count } = arrivals[next]!;
      queues[priority].add(atMs, count);
    }
    const wishes = model.pools.flatMap((pool) => {
      const budgetMs = (pool.cpuMsPerS * stepMs) / 1000;
      const asked = (priority: Priority, slowdown: number) => {
        const timeMs = model.idleHandOverMs * slowdown + meanMs;
        return Math.min(queues[priority].length, (model.inFlight[priority] * stepMs) / timeMs);
      };
      const askedMs = pool.cpuMsPerEmail * pool.priorities.reduce((all, priority) => all + asked(priority, 1), 0);
      const slowdown = Math.min(Math.max(1, askedMs / budgetMs), LONG_FACTOR);
      const own = pool.priorities.map((priority) => ({ priority, slowdown, asked: asked(priority, slowdown) }));
      const rates = shareOut(own, budgetMs / pool.cpuMsPerEmail, model.inFlight);
      return own.map((wish, index) => ({ ...wish, asked: rates[index]! }));
    });
    const rates = shareOut(wishes, ((model.serversPerS ?? Number.POSITIVE_INFINITY) * stepMs) / 1000, model.inFlight);
    for (const [index, { priority, slowdown }] of wishes.entries()) {
      credit[priority] = Math.min(credit[priority] + rates[index]!, queues[priority].length);
      credit[priority] -= queues[priority].take(Math.floor(credit[priority]), (atMs, count) => {
        const provider = model.providerMs.min + random() * (model.providerMs.max - model.providerMs.min);
        const waitedMs = Math.max(0, nowMs - stepMs - atMs);
        served[priority].push({ count, handOverMs: waitedMs + model.idleHandOverMs * slowdown + provider });
      });
    }
  }
  return served;
}

/**
 * Shares out what the cores manage: first critical, then bulk as its caps in flight are to one another, which is how the
 * windows of starting e-mails (`src/dispatcher/starting-window.ts`) are; then what the others leave, the most urgent first.
 */
function shareOut(
  wishes: readonly { readonly priority: Priority; readonly asked: number }[],
  emails: number,
  caps: PerPriority<number>,
): number[] {
  let left = emails;
  const shareOf = (priority: Priority) => (priority === 'medium' ? caps.medium / (caps.medium + caps.low) : 1);
  const first = wishes.map(({ priority, asked }) => {
    const rate = Math.min(asked, left * shareOf(priority));
    left -= rate;
    return rate;
  });
  return first.map((rate, index) => {
    const more = Math.min(wishes[index]!.asked - rate, left);
    left -= more;
    return rate + more;
  });
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
