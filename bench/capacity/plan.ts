import { type PerPriority, PRIORITIES, type Priority, perPriority } from '../../src/priority.js';
import { FLEET_SIZES } from '../../src/worker/fleet.js';
import { DEADLINE_MS, PROVIDER_MS } from '../slo.js';
import type { EmailCost } from './costs.js';
import { dayOf } from './day.js';
import { attainmentOf, type Model, servedWithin, simulate } from './simulation.js';

/** How much of a core a process may use on average in its busiest minute: the rest is for what nobody expected. */
const HEADROOM = 0.7;
/** A process is lost, or being replaced, and mail goes on: never fewer than two of each. */
const FEWEST = 2;
/** CPU of an e-mail that its fleet spends before the provider has it; the rest follows with signals. Measured. */
const HAND_OVER_SHARE = 0.7;
/** Bytes on disk, kept by month; see `docs/data.md`. */
const STORED_BYTES = 4_729;
/** Days for which Temporal keeps closed workflows, and how long they are open for their reader. */
const TEMPORAL_DAYS = 3 + 1;
/** Changes of a workflow's state that an e-mail causes, each a write of a shard. Measured. */
const TRANSITIONS = 9;
/** A shard writes one change after another, at about 5 ms each; at a twentieth of that nobody waits for the other. */
const TRANSITIONS_PER_SHARD_S = 10;
const FEWEST_SHARDS = 512;

export interface CapacityPlan {
  readonly perDay: number;
  readonly busiestPerS: number;
  readonly fleets: PerPriority<{
    readonly processes: number;
    readonly inFlight: number;
    readonly attainment: number;
    readonly p99Ms: number;
    readonly worstMs: number;
  }>;
  readonly apiProcesses: number;
  readonly webhooksProcesses: number;
  readonly dispatcherProcesses: number;
  readonly database: {
    readonly cores: number;
    readonly statementsPerS: number;
    readonly connections: number;
    readonly walMbPerS: number;
    readonly storedGbAMonth: number;
  };
  readonly temporal: {
    readonly cores: number;
    readonly shards: number;
    readonly actionsAMonth: number;
    readonly openWorkflows: number;
    readonly storedGb: number;
  };
}

/** The fewest processes that keep all service levels on a day of so many e-mails, and what the servers need. */
export function planCapacity(perDay: number, cost: EmailCost): CapacityPlan {
  const day = dayOf(perDay);
  const sizes = perPriority((priority) => fleetOf(day, priority, cost));
  const busiestPerS = busiest(day);
  // What is spread by the queue, over an hour; what comes with the request, in its second.
  const servedPerS = Math.max(busiestHour(day), perDay / 86_400);
  const processes = (perS: number, cpuMs: number) => Math.max(FEWEST, Math.ceil((perS * cpuMs) / 1000 / HEADROOM));
  const apiProcesses = processes(busiestPerS, cost.apiCpuMs);
  const webhooksProcesses = processes(servedPerS, cost.webhooksCpuMs);
  const dispatcherProcesses = processes(servedPerS, cost.dispatcherCpuMs);
  const workers = PRIORITIES.reduce((all, priority) => all + sizes[priority].processes, 0);
  const cores = (cpuMs: number) => Math.ceil((servedPerS * cpuMs) / 1000 / HEADROOM);
  const transitionsPerS = servedPerS * TRANSITIONS;
  return {
    perDay,
    busiestPerS,
    fleets: sizes,
    apiProcesses,
    webhooksProcesses,
    dispatcherProcesses,
    database: {
      cores: cores(cost.databaseCpuMs),
      statementsPerS: servedPerS * cost.statements,
      connections: (apiProcesses + webhooksProcesses + dispatcherProcesses + workers) * 10,
      walMbPerS: (servedPerS * cost.walBytes) / 1e6,
      storedGbAMonth: (perDay * 30 * STORED_BYTES) / 1e9,
    },
    temporal: {
      cores: cores(cost.temporalCpuMs),
      shards: Math.max(FEWEST_SHARDS, 2 ** Math.ceil(Math.log2(transitionsPerS / TRANSITIONS_PER_SHARD_S))),
      actionsAMonth: perDay * 30 * cost.actions,
      openWorkflows: perDay,
      storedGb: (perDay * TEMPORAL_DAYS * cost.historyBytes) / 1e9,
    },
  };
}

/** Adds processes until the priority's service level holds all day, with headroom in its busiest minute. */
function fleetOf(day: ReturnType<typeof dayOf>, priority: Priority, cost: EmailCost) {
  const own = day.filter((arriving) => arriving.priority === priority);
  const perDay = own.reduce((all, { count }) => all + count, 0);
  // What the day's mean alone would take: fewer never catch up.
  const least = Math.max(FEWEST, Math.ceil(((perDay / 86_400) * cost.workerCpuMs) / 1000 / HEADROOM));
  for (let processes = least; ; processes = Math.ceil(processes * 1.2)) {
    const inFlight = processes * FLEET_SIZES[priority].sendSlots;
    const outcome = simulate(own, modelOf(priority, processes, inFlight, cost));
    const served = outcome.served[priority];
    const attainment = attainmentOf(served, DEADLINE_MS[priority]);
    const worstMs = servedWithin(served, 1);
    // Half of the time that is allowed: a day has more than one mailing, and a mailing may be larger than the last.
    if (attainment === 1 && worstMs <= DEADLINE_MS[priority] / 2) {
      return { processes, inFlight, attainment, p99Ms: servedWithin(served, 0.99), worstMs };
    }
  }
}

function modelOf(priority: Priority, processes: number, inFlight: number, cost: EmailCost): Model {
  return {
    pools: [{ priorities: [priority], cpuMsPerS: processes * 1000 * HEADROOM, cpuMsPerEmail: cost.workerCpuMs }],
    inFlight: perPriority(() => inFlight),
    idleHandOverMs: cost.idleHandOverMs,
    handOverShare: HAND_OVER_SHARE,
    providerMs: PROVIDER_MS,
    stepMs: 1000,
  };
}

const busiest = (day: ReturnType<typeof dayOf>) => Math.max(...countsPer(day, 1_000));
const busiestHour = (day: ReturnType<typeof dayOf>) => Math.max(...countsPer(day, 3_600_000)) / 3_600;

function countsPer(day: ReturnType<typeof dayOf>, ms: number): number[] {
  const counts = new Map<number, number>();
  for (const { atMs, count } of day)
    counts.set(Math.floor(atMs / ms), (counts.get(Math.floor(atMs / ms)) ?? 0) + count);
  return [...counts.values()];
}
