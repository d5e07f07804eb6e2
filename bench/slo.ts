import { setTimeout as delay } from 'node:timers/promises';
import { type PerPriority, PRIORITIES, type Priority, perPriority } from '../src/priority.js';
import type { Stack } from '../test/support/stack.js';
import { until } from '../test/support/until.js';
import { quantile, randomSource } from './harness/figures.js';
import { type Submitted, Submitter } from './harness/submit.js';
import type { World } from './harness/world.js';

/** The mission's mix: ten thousand, 200 thousand and a million a day. */
export const SHARES: PerPriority<number> = { critical: 1 / 121, medium: 20 / 121, low: 100 / 121 };
/** The service levels of the requirements, in milliseconds. */
export const DEADLINE_MS: PerPriority<number> = { critical: 15_000, medium: 900_000, low: 3_600_000 };
/** What providers take to answer. */
export const PROVIDER_MS = { min: 50, max: 300 } as const;

interface SloLoad {
  readonly minutes: number;
  readonly ratePerS: number;
  /** Medium e-mails on top, within ten seconds, after two fifths of the time. */
  readonly burst: number;
}

interface Arrival {
  readonly atMs: number;
  readonly priority: Priority;
}

/** One e-mail that was handed over. */
export interface HandOver extends Arrival {
  readonly handOverMs: number;
}

interface PriorityFigures {
  readonly accepted: number;
  /** The share handed over within the priority's service level. */
  readonly attainment: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
  readonly worstMs: number;
}

export interface SloResult {
  readonly load: SloLoad;
  readonly figures: PerPriority<PriorityFigures>;
  readonly lost: number;
  readonly duplicates: number;
  /** Submissions that were not answered with 200 at once. */
  readonly refused: number;
  /** From the last submission to the last hand-over. */
  readonly drainedAfterS: number;
  readonly handOvers: readonly HandOver[];
}

const BURST_MS = 10_000;
const PATIENCE_MS = 60 * 60_000;

/** When e-mails arrive: at random with a steady mean, the same in every run. */
export function arrivalsOf({ minutes, ratePerS, burst }: SloLoad): Arrival[] {
  const random = randomSource(1);
  const endMs = minutes * 60_000;
  const arrivals: Arrival[] = [];
  for (let atMs = 0; ; ) {
    atMs += (-Math.log(1 - random()) * 1000) / ratePerS;
    if (atMs >= endMs) break;
    const draw = random();
    const priority = draw < SHARES.critical ? 'critical' : draw < SHARES.critical + SHARES.medium ? 'medium' : 'low';
    arrivals.push({ atMs, priority });
  }
  for (let n = 0; n < burst; n++) arrivals.push({ atMs: endMs * 0.4 + random() * BURST_MS, priority: 'medium' });
  return arrivals.sort((a, b) => a.atMs - b.atMs);
}

/** Submits the load at its moments, waits until everything is handed over, and compares with what the providers took. */
export async function runSlo(world: World, stack: Stack, load: SloLoad): Promise<SloResult> {
  await stack.setFaults({ mailgun: { latencyMs: PROVIDER_MS }, mandrill: { latencyMs: PROVIDER_MS } });
  const submitter = world.own(new Submitter(stack.api, stack.key), (it) => it.close());
  // The ten minutes are of a system that runs: what its first e-mail meets is the start of a dozen processes.
  for (const priority of PRIORITIES) await submitter.submit({ priority, receiver: 'open+first@example.org' });
  await until('the first are handed over', async () => (await waiting(world)) === 0, PATIENCE_MS);
  const submitted: (Submitted & Arrival)[] = [];
  let refused = 0;
  const begun = performance.now();
  const calls: Promise<void>[] = [];
  for (const [n, arrival] of arrivalsOf(load).entries()) {
    const waitMs = begun + arrival.atMs - performance.now();
    if (waitMs > 1) await delay(waitMs);
    const call = submitter.submit({ priority: arrival.priority, receiver: `open+${n}@example.org` }).then(
      (email) => void submitted.push({ ...email, ...arrival }),
      () => void refused++,
    );
    calls.push(call);
  }
  await Promise.all(calls);
  const lastSubmission = performance.now();
  await until('all are handed over', async () => (await waiting(world)) === 0, PATIENCE_MS);
  const drainedAfterS = (performance.now() - lastSubmission) / 1000;
  return { load, refused, drainedAfterS, ...count(submitted, await stack.acceptance()) };
}

async function waiting(world: World): Promise<number> {
  const [row] = await world.query<{ n: number }>(
    `select count(*)::int n from email_queue where state in ('waiting', 'in_flight', 'backing_off')`,
  );
  return row!.n;
}

function count(submitted: readonly (Submitted & Arrival)[], calls: Awaited<ReturnType<Stack['acceptance']>>) {
  const takenAt = new Map<string, number[]>();
  for (const { email_id, accepted_at } of calls) {
    takenAt.set(email_id, [...(takenAt.get(email_id) ?? []), Date.parse(accepted_at)]);
  }
  const handOvers = submitted.flatMap(({ id, createdAtMs, atMs, priority }) => {
    const taken = takenAt.get(id);
    return taken ? [{ atMs, priority, handOverMs: Math.max(0, Math.min(...taken) - createdAtMs) }] : [];
  });
  const figures = perPriority((priority) =>
    figuresOf(
      handOvers.filter((each) => each.priority === priority).map((each) => each.handOverMs),
      submitted.filter((each) => each.priority === priority).length,
      DEADLINE_MS[priority],
    ),
  );
  const lost = submitted.filter(({ id }) => !takenAt.has(id)).length;
  const duplicates = [...takenAt.values()].filter((times) => times.length > 1).length;
  return { figures, lost, duplicates, handOvers };
}

/** @param accepted how many there were: what was never handed over has not attained anything. */
export function figuresOf(timesMs: readonly number[], accepted: number, deadlineMs: number): PriorityFigures {
  return {
    accepted,
    attainment: accepted === 0 ? 1 : timesMs.filter((time) => time <= deadlineMs).length / accepted,
    p50Ms: quantile(timesMs, 0.5),
    p99Ms: quantile(timesMs, 0.99),
    p999Ms: quantile(timesMs, 0.999),
    worstMs: timesMs.length === 0 ? Number.NaN : quantile(timesMs, 1),
  };
}

/** The figures of all priorities, as rows of a table. */
export function figureRows(figures: PerPriority<PriorityFigures>): string[][] {
  const time = (ms: number) =>
    Number.isNaN(ms) ? '-' : ms < 10_000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(0)} s`;
  return [
    ['', 'accepted', 'in time', 'p50', 'p99', 'p99.9', 'worst'],
    ...PRIORITIES.map((priority) => {
      const { accepted, attainment, p50Ms, p99Ms, p999Ms, worstMs } = figures[priority];
      const share = `${(attainment * 100).toFixed(attainment === 1 ? 0 : 2)} %`;
      return [priority, String(accepted), share, ...[p50Ms, p99Ms, p999Ms, worstMs].map(time)];
    }),
  ];
}
