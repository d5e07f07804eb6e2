import { type PerPriority, PRIORITIES, type Priority, perPriority } from '../../src/priority.js';
import { FLEET_SIZES } from '../../src/worker/fleet.js';
import { DEADLINE_MS, PROVIDER_MS } from '../slo.js';
import type { EmailCost } from './costs.js';
import { dayOf } from './day.js';
import { type Arriving, attainmentOf, type Model, type Served, servedWithin, simulate } from './simulation.js';

/** How much of its cores a process or a server may use at the busiest time: the rest is for what nobody expected. */
const HEADROOM = 0.7;
/** A process is lost, or being replaced, and mail goes on: never fewer than two of each. */
const FEWEST = 2;
/** Connections that a process opens at most, with the default `DATABASE_POOL_SIZE`: uploads and a listener beside it. */
const CONNECTIONS = { api: 10 + 6, webhooks: 10, dispatcher: 10 + 1, worker: 10 };
/** Bytes on disk, kept by month; see `docs/data.md`. */
const STORED_BYTES = 4_729;
/** Days for which Temporal keeps closed workflows, and how long they are open for their reader. */
const TEMPORAL_DAYS = 3 + 1;
/**
 * What Temporal takes on a cluster of its servers with PostgreSQL, as production has it, by what it takes as a development
 * server, on which the costs are measured: 86.6 and 46.4 ms of CPU an e-mail in one run of `npm run bench -- cluster`.
 */
const ON_CLUSTER = 86.6 / 46.4;
/** Changes of a workflow's state that an e-mail causes, each a write of a shard. Measured. */
const TRANSITIONS = 9;
/** A shard writes one change after another, at about 5 ms each; at a twentieth of that nobody waits for the other. */
const TRANSITIONS_PER_SHARD_S = 10;
const FEWEST_SHARDS = 512;

export interface CapacityPlan {
  readonly perDay: number;
  /** Submissions in the busiest second. */
  readonly busiestPerS: number;
  /** E-mails a second that are handed over while there is more than that: what the servers are sized for. */
  readonly servedPerS: number;
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
  const fleets = perPriority((priority) => fleetFor(day, priority, cost));
  const { servedPerS, served } = serversFor(day, fleets, cost);
  const sizes = perPriority((priority) => ({ ...fleets[priority], ...figuresOf(served[priority], priority) }));
  const busiestPerS = busiest(day);
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
    servedPerS,
    fleets: sizes,
    apiProcesses,
    webhooksProcesses,
    dispatcherProcesses,
    database: {
      cores: cores(cost.databaseCpuMs),
      statementsPerS: servedPerS * cost.statements,
      connections:
        apiProcesses * CONNECTIONS.api +
        webhooksProcesses * CONNECTIONS.webhooks +
        dispatcherProcesses * CONNECTIONS.dispatcher +
        workers * CONNECTIONS.worker,
      walMbPerS: (servedPerS * cost.walBytes) / 1e6,
      storedGbAMonth: (perDay * 30 * STORED_BYTES) / 1e9,
    },
    temporal: {
      cores: cores(cost.temporalCpuMs * ON_CLUSTER),
      shards: Math.max(FEWEST_SHARDS, 2 ** Math.ceil(Math.log2(transitionsPerS / TRANSITIONS_PER_SHARD_S))),
      actionsAMonth: perDay * 30 * cost.actions,
      openWorkflows: perDay,
      storedGb: (perDay * TEMPORAL_DAYS * cost.historyBytes) / 1e9,
    },
  };
}

interface Fleet {
  readonly processes: number;
  readonly inFlight: number;
}

/** Adds processes until the priority's service level holds all day, while the servers take whatever comes. */
function fleetFor(day: readonly Arriving[], priority: Priority, cost: EmailCost): Fleet {
  const own = day.filter((arriving) => arriving.priority === priority);
  const perDay = own.reduce((all, { count }) => all + count, 0);
  // What the day's mean alone would take: fewer never catch up.
  const least = Math.max(FEWEST, Math.ceil(((perDay / 86_400) * cost.workerCpuMs) / 1000 / HEADROOM));
  for (let processes = least; ; processes = Math.ceil(processes * 1.2)) {
    const fleet = { processes, inFlight: processes * FLEET_SIZES[priority].sendSlots };
    const served = simulate(own, modelOf({ [priority]: fleet }, cost));
    if (isInTime(served[priority], priority)) return fleet;
  }
}

/** The least rate of what all fleets share that keeps the service levels of all of them at once. */
function serversFor(day: readonly Arriving[], fleets: PerPriority<Fleet>, cost: EmailCost) {
  // Beyond the busiest second they are no limit any more.
  const enoughPerS = busiest(day);
  for (let servedPerS = busiestHour(day); ; servedPerS *= 1.1) {
    const served = simulate(day, { ...modelOf(fleets, cost), serversPerS: servedPerS });
    const inTime = PRIORITIES.every((priority) => isInTime(served[priority], priority));
    if (inTime || servedPerS > enoughPerS) return { servedPerS, served };
  }
}

/** Half of the time that is allowed: a day has more than one mailing, and a mailing may be larger than the last. */
const isInTime = (served: readonly Served[], priority: Priority) =>
  servedWithin(served, 1) <= DEADLINE_MS[priority] / 2;

const figuresOf = (served: readonly Served[], priority: Priority) => ({
  attainment: attainmentOf(served, DEADLINE_MS[priority]),
  p99Ms: servedWithin(served, 0.99),
  worstMs: servedWithin(served, 1),
});

/** Each fleet has cores of its own. */
function modelOf(fleets: Partial<PerPriority<Fleet>>, cost: EmailCost): Model {
  return {
    pools: PRIORITIES.flatMap((priority) => {
      const fleet = fleets[priority];
      if (!fleet) return [];
      const cpuMsPerS = fleet.processes * 1000 * HEADROOM;
      return [{ priorities: [priority], cpuMsPerS, cpuMsPerEmail: cost.workerCpuMs }];
    }),
    inFlight: perPriority((priority) => fleets[priority]?.inFlight ?? 0),
    idleHandOverMs: cost.idleHandOverMs,
    providerMs: PROVIDER_MS,
    stepMs: 1000,
  };
}

const busiest = (day: readonly Arriving[]) => Math.max(...countsPer(day, 1_000));
const busiestHour = (day: readonly Arriving[]) => Math.max(...countsPer(day, 3_600_000)) / 3_600;

function countsPer(day: readonly Arriving[], ms: number): number[] {
  const counts = new Map<number, number>();
  for (const { atMs, count } of day)
    counts.set(Math.floor(atMs / ms), (counts.get(Math.floor(atMs / ms)) ?? 0) + count);
  return [...counts.values()];
}
