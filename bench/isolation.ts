import { setTimeout as delay } from 'node:timers/promises';
import type { Stack } from '../test/support/stack.js';
import { until } from '../test/support/until.js';
import { addWaiting, analyse } from './backlog.js';
import { mean, quantile } from './harness/figures.js';
import { Submitter } from './harness/submit.js';
import type { World } from './harness/world.js';

export interface IsolationOptions {
  /** How long critical e-mails come while nothing else does. */
  readonly idleS: number;
  /** How long each phase on the backlog takes, and how many pairs (without critical, with critical) there are. */
  readonly phaseS: number;
  readonly pairs: number;
  readonly low: number;
  readonly medium: number;
}

interface Latency {
  readonly count: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly worstMs: number;
}

interface IsolationResult {
  readonly idle: Latency;
  readonly onBacklog: Latency;
  /** Where the time goes on the backlog. */
  readonly stages: readonly (Latency & { readonly stage: string })[];
  /** On the backlog, as a ratio to idle. */
  readonly p99Ratio: number;
  readonly perSWithout: number;
  /** All priorities together. */
  readonly perSWith: number;
  /** What was left of the backlog: it has to last. */
  readonly backlogLeft: number;
}

const EVERY_MS = 500;
const WARM_UP_S = 5;

/** Critical e-mails by the clock, first alone, then beside a backlog; phases with and without them in turn. */
export async function runIsolation(world: World, stack: Stack, options: IsolationOptions): Promise<IsolationResult> {
  const submitter = world.own(new Submitter(stack.api, stack.key), (it) => it.close());
  await critical(stack, submitter, Math.min(WARM_UP_S, options.idleS));
  const idle = latencyOf(await critical(stack, submitter, options.idleS));

  const since = new Date();
  const before = await handedOver(world);
  await addWaiting(world, { priority: 'low', count: options.low, dueInS: -1 });
  await addWaiting(world, { priority: 'medium', count: options.medium, dueInS: -1 });
  await analyse(world);
  await until('the backlog moves', async () => (await handedOver(world)) > before, 60_000);
  const times: number[] = [];
  const perS = { without: [] as number[], with: [] as number[] };
  for (let pair = 0; pair < options.pairs; pair++) {
    perS.without.push(await rate(world, () => delay(options.phaseS * 1000)));
    perS.with.push(
      await rate(world, async () => {
        times.push(...(await critical(stack, submitter, options.phaseS)));
      }),
    );
  }
  const onBacklog = latencyOf(times);
  return {
    idle,
    onBacklog,
    stages: await stagesOf(world, since),
    p99Ratio: onBacklog.p99Ms / idle.p99Ms,
    perSWithout: mean(perS.without),
    perSWith: mean(perS.with),
    backlogLeft: await waiting(world),
  };
}

/** Submits critical e-mails by the clock. @returns their hand-over times in milliseconds. */
async function critical(stack: Stack, submitter: Submitter, seconds: number): Promise<number[]> {
  const count = Math.max(1, Math.round((seconds * 1000) / EVERY_MS));
  const begun = performance.now();
  const calls: ReturnType<Submitter['submit']>[] = [];
  for (let n = 0; n < count; n++) {
    await delay(Math.max(0, begun + n * EVERY_MS - performance.now()));
    calls.push(submitter.submit({ priority: 'critical', receiver: `reader-${n}@example.org` }));
  }
  const submitted = await Promise.all(calls);
  const takenAt = new Map<string, number>();
  await until(
    'all critical e-mails are handed over',
    async () => {
      for (const { email_id, accepted_at } of await stack.acceptance()) takenAt.set(email_id, Date.parse(accepted_at));
      return submitted.every(({ id }) => takenAt.has(id));
    },
    60_000,
  );
  return submitted.map(({ id, createdAtMs }) => takenAt.get(id)! - createdAtMs);
}

/** E-mails handed over a second, of all priorities, while something goes on. */
async function rate(world: World, during: () => Promise<void>): Promise<number> {
  const before = await handedOver(world);
  const begun = performance.now();
  await during();
  return (((await handedOver(world)) - before) * 1000) / (performance.now() - begun);
}

/** From acceptance to the workflow's start, to the permission to call, to the provider's answer, as the record has it. */
async function stagesOf(world: World, since: Date) {
  const rows = await world.query<{ dispatch: number; workflow: number; call: number }>(
    `select extract(epoch from e.dispatched_at - e.created_at)::float8 * 1000 dispatch,
       extract(epoch from a.started_at - e.dispatched_at)::float8 * 1000 workflow,
       extract(epoch from a.finished_at - a.started_at)::float8 * 1000 call
     from emails e join send_attempts a on a.email_id = e.id
     where e.priority = 'critical' and e.created_at >= $1 and a.state = 'accepted'`,
    [since],
  );
  return (['dispatch', 'workflow', 'call'] as const).map((stage) => ({
    stage,
    ...latencyOf(rows.map((row) => row[stage])),
  }));
}

async function handedOver(world: World): Promise<number> {
  const [row] = await world.query<{ n: number }>('select count(*)::int n from emails where sent_at is not null');
  return row!.n;
}

async function waiting(world: World): Promise<number> {
  const [row] = await world.query<{ n: number }>(`select count(*)::int n from email_queue where state = 'waiting'`);
  return row!.n;
}

function latencyOf(times: readonly number[]): Latency {
  return {
    count: times.length,
    p50Ms: quantile(times, 0.5),
    p99Ms: quantile(times, 0.99),
    worstMs: quantile(times, 1),
  };
}
