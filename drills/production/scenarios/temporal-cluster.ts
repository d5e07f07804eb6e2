import { setTimeout as delay } from 'node:timers/promises';
import type { Drill, Seconds } from '../../drill.js';
import type { World } from '../../world.js';
import type { Disaster, Scenario } from '../scenario.js';
import { SharedSystem } from '../system.js';
import { type Node, TemporalCluster } from '../temporal/cluster.js';
import { Prober } from '../temporal/prober.js';
import { installPrograms } from '../temporal/programs.js';
import { refusals } from '../temporal/refusals.js';

/**
 * Fewer than `deploy/temporal` has (512): the two machines share this one, and each shard is a row to take and queues to
 * read when it changes hands. `CLUSTER_SHARDS` has another number.
 */
const SHARDS = Number(process.env.CLUSTER_SHARDS || 64);
/** Everything answers again for so long before the next disaster begins. */
const STEADY_MS = 5_000;
const STEADY_WITHIN_MS = 180_000;
/** What a busy machine takes to answer, though nothing is broken. */
const PROMPT_S = 3;

interface Break {
  readonly name: string;
  readonly how: string;
  readonly outageS: Seconds;
  /** Nothing can be dispatched until all shards and task queues can be had again: for so long critical is excused. */
  readonly stopsAll?: true;
  /** What critical may wait for here before its 15 s begin. */
  readonly late?: { readonly s: number; readonly why: string };
  /** Breaks. @returns what heals. */
  act(cluster: TemporalCluster): Promise<() => Promise<unknown> | unknown>;
  /** More that has to be true in the end. @returns what is not. */
  check?(world: World, notes: string[]): Promise<string[]>;
}

/** One disaster of the cluster, under mail and under questions for its shards and task queues. */
function clusterBreak({ name, how, outageS, stopsAll, late, act, check }: Break): Disaster {
  return {
    name,
    how,
    async run(options, shared) {
      const system = shared as SharedSystem<TemporalCluster>;
      const { world, cluster } = system;
      const notes: string[] = late ? [`critical may wait ${late.s} s more: ${late.why}`] : [];
      const drill: Drill = {
        ...{ name, breaks: how, outageS, criticalInTime: true, duplicates: 'counted' },
        async breakAndHeal() {
          const prober = Prober.start(await cluster.connect());
          try {
            await steady(prober);
            const brokenAtMs = Date.now();
            const heal = await act(cluster);
            await world.outage();
            tell(prober, brokenAtMs, 'until it healed', notes);
            await heal();
            const healedAtMs = Date.now();
            await steady(prober);
            if (late) world.cutOff.push({ fromMs: brokenAtMs, untilMs: brokenAtMs + late.s * 1_000 });
            if (stopsAll) world.cutOff.push({ fromMs: brokenAtMs, untilMs: prober.allAnsweredAtMs(healedAtMs) });
            tell(prober, healedAtMs, 'after the healing', notes);
          } finally {
            await prober.stop();
          }
        },
        async check() {
          const ended = cluster.ended.splice(0);
          if (ended.length > 0) notes.push(`ended by themselves and were started again: ${ended.join(', ')}`);
          return (await check?.(world, notes)) ?? [];
        },
      };
      return system.run(drill, options, notes);
    },
  };
}

function tell(prober: Prober, sinceMs: number, when: string, notes: string[]): void {
  const [history, matching] = [prober.longestGapS('history', sinceMs), prober.longestGapS('matching', sinceMs)];
  notes.push(`${when} a shard could not be had for ${history} s at most, a task queue for ${matching} s`);
}

/** Waits until all shards and task queues have answered promptly for a while. */
async function steady(prober: Prober): Promise<void> {
  const giveUpAt = Date.now() + STEADY_WITHIN_MS;
  await delay(STEADY_MS);
  while (['history' as const, 'matching' as const].some((asked) => isSlow(prober, asked))) {
    if (Date.now() > giveUpAt) throw new Error('not all of Temporal answers');
    await delay(500);
  }
}

const isSlow = (prober: Prober, asked: 'history' | 'matching') =>
  prober.longestGapS(asked, Date.now() - STEADY_MS) > PROMPT_S;

const killedAndBack = (...nodes: readonly Node[]): Break['act'] =>
  async function act(cluster) {
    await Promise.all(nodes.map((node) => cluster.kill(node)));
    return () => Promise.all(nodes.map((node) => cluster.startNode(node)));
  };

const FIRST: Seconds = { full: 30, quick: 15 };

export const TEMPORAL_CLUSTER: Scenario = {
  name: 'temporal-cluster',
  tries: 'Temporal on two machines of deploy/temporal, with certificates and PostgreSQL: its roles die or hang',
  install: () => void installPrograms(),
  begin: (options) =>
    SharedSystem.start(
      options,
      (own) => TemporalCluster.start(own, { cli: options.cli, shards: SHARDS }),
      ({ address, env }) => ({ temporalAddress: address, env }),
    ),
  disasters: [
    clusterBreak({
      name: 'history-killed',
      how: 'one of two history processes is killed, and back in the end',
      outageS: FIRST,
      act: killedAndBack({ machine: 1, role: 'history' }),
    }),
    clusterBreak({
      name: 'history-frozen',
      how: 'one of two history processes is frozen (SIGSTOP), and wakes when the other one has its shards',
      outageS: FIRST,
      // 30 s are the SDK's own limit of a call, for a worker that has just told the frozen process what comes next. What
      // begins as it wakes waits until it has written, which is after twice 30 s (`dynamic.yaml`) at the latest.
      late: {
        s: 90,
        why: 'until calls to the frozen process are given up, and it has learnt that others had its shards',
      },
      act: async (cluster) => cluster.freeze({ machine: 2, role: 'history' }),
    }),
    clusterBreak({
      name: 'matching-killed',
      how: 'one of two matching processes is killed, and back in the end',
      outageS: FIRST,
      act: killedAndBack({ machine: 1, role: 'matching' }),
    }),
    clusterBreak({
      name: 'frontend-killed',
      how: 'one of two frontends is killed, and back in the end; HAProxy leads to the other one',
      outageS: FIRST,
      act: killedAndBack({ machine: 1, role: 'frontend' }),
    }),
    clusterBreak({
      name: 'frontend-frozen',
      how: 'one of two frontends is frozen (SIGSTOP), and wakes in the end',
      outageS: FIRST,
      act: async (cluster) => cluster.freeze({ machine: 2, role: 'frontend' }),
    }),
    clusterBreak({
      name: 'worker-killed',
      how: 'both processes of Temporal’s own workers are killed, and back in the end',
      outageS: FIRST,
      act: killedAndBack({ machine: 1, role: 'worker' }, { machine: 2, role: 'worker' }),
    }),
    clusterBreak({
      name: 'machine-killed',
      how: 'all four roles of one machine are killed, and back in the end',
      outageS: FIRST,
      act: async (cluster) => killedAndBack(...cluster.nodes({ machine: 1 }))(cluster),
    }),
    clusterBreak({
      name: 'all-killed',
      how: 'every process of Temporal is killed, and back in the end',
      outageS: { full: 20, quick: 8 },
      stopsAll: true,
      act: async (cluster) => killedAndBack(...cluster.nodes())(cluster),
    }),
    clusterBreak({
      name: 'one-by-one',
      how: 'each process in turn is ended in order (SIGTERM) and started again, as in an upgrade',
      outageS: { full: 10, quick: 2 },
      async act(cluster) {
        for (const node of cluster.nodes()) {
          await cluster.stopNode(node);
          await cluster.startNode(node);
          await cluster.isListening();
        }
        return () => {};
      },
    }),
    clusterBreak({
      name: 'no-certificate',
      how: 'a dispatcher and a worker come without a certificate, or trust another authority; the others carry on',
      outageS: { full: 5, quick: 2 },
      act: async () => () => {},
      check: refusals,
    }),
  ],
};
