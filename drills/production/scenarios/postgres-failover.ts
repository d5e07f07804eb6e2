import { setTimeout as delay } from 'node:timers/promises';
import type { Drill, Seconds } from '../../drill.js';
import type { World } from '../../world.js';
import { ETCD_PORTS, type Node, PatroniCluster } from '../patroni/cluster.js';
import { Committer } from '../patroni/committer.js';
import { installPrograms } from '../patroni/programs.js';
import type { Disaster, Scenario } from '../scenario.js';
import { SharedSystem } from '../system.js';

/** Numbers of the committer that leads straight to the old leader. */
const STRAIGHT = 1_000_000;
/** All three machines are one cluster again, after the healing. */
const WHOLE_WITHIN_MS = 600_000;
/** The end of the longest gap is known when commits have gone on for a while. */
const STEADY_COMMITS = 20;
/** Nobody may take longer to commit again than Patroni's `ttl`, its loops, and an election; on a busy machine. */
const COMMITS_WITHIN_MS = 300_000;

interface Break {
  readonly name: string;
  readonly how: string;
  readonly outageS: Seconds;
  /** Breaks. @returns what heals. */
  act(cluster: PatroniCluster, leader: Node): () => Promise<void> | void;
}

/** One disaster of the cluster, under mail and under commits of the drill's own. */
function failover({ name, how, outageS, act }: Break): Disaster {
  return {
    name,
    how,
    async run(options, shared) {
      const system = shared as SharedSystem<PatroniCluster>;
      const { world, cluster } = system;
      await cluster.isWhole(WHOLE_WITHIN_MS);
      const notes: string[] = [];
      const lost: string[] = [];
      const drill: Drill = {
        ...{ name, breaks: how, outageS, criticalInTime: true, duplicates: 'counted' },
        breakAndHeal: () => breakUnderCommits(world, cluster, act, notes, lost),
        check: async () => lost,
      };
      return system.run(drill, options, notes);
    },
  };
}

/** Breaks and heals, while two clients commit numbers of their own: what they were told must be there in the end. */
async function breakUnderCommits(
  world: World,
  cluster: PatroniCluster,
  act: Break['act'],
  notes: string[],
  broken: string[],
): Promise<void> {
  const leader = await cluster.leader();
  const committer = await Committer.start(cluster.databaseUrl);
  // A client that goes on with the old leader on purpose, past what leads everybody else away from it.
  const straight = await Committer.start(cluster.directUrl(leader), STRAIGHT).catch(async (error) => {
    await committer.stop();
    throw error;
  });
  try {
    const brokenAtMs = Date.now();
    const heal = await act(cluster, leader);
    await world.outage();
    await heal();
    await steady(committer);
    await tellGap(world, cluster, leader, { committer, brokenAtMs }, notes);
    notes.push(`one leads and two follow ${await cluster.isWhole(WHOLE_WITHIN_MS)} s later`);
  } finally {
    await Promise.all([committer.stop(), straight.stop()]);
  }
  for (const [who, each] of [
    ['through HAProxy', committer],
    ['straight to the old leader', straight],
  ] as const) {
    const lost = await each.lostAt(cluster.databaseUrl);
    notes.push(`${each.confirmedAfter(0)} commits confirmed ${who}, ${lost} lost`);
    if (lost > 0) broken.push(`${lost} commits confirmed ${who} are not on the leader`);
  }
}

async function steady(committer: Committer): Promise<void> {
  const sinceMs = Date.now();
  while (committer.confirmedAfter(sinceMs) < STEADY_COMMITS) {
    if (Date.now() - sinceMs > COMMITS_WITHIN_MS) throw new Error('the cluster takes no commits after the healing');
    await delay(100);
  }
}

/** Nothing could be recorded, and so nothing be sent, in the longest time without a commit: only that is excused. */
async function tellGap(
  world: World,
  cluster: PatroniCluster,
  leader: Node,
  { committer, brokenAtMs }: { readonly committer: Committer; readonly brokenAtMs: number },
  notes: string[],
): Promise<void> {
  const { seconds, untilMs } = committer.longestGap(brokenAtMs);
  if (seconds >= 1) world.cutOff.push({ fromMs: untilMs - seconds * 1000, untilMs });
  const now = await cluster.leader();
  notes.push(`no commit for ${seconds} s; then ${now === leader ? 'the same leader' : 'another leader'}`);
}

/** Long enough for Patroni to replace a leader that is not heard of (`ttl` 20 s), and for mail afterwards. */
const DEAD: Seconds = { full: 40, quick: 30 };

export const POSTGRES_FAILOVER: Scenario = {
  name: 'postgres-failover',
  tries:
    'PostgreSQL on three machines of deploy/patroni: its leader dies, hangs, or is cut off; Temporal has its own file',
  install: () => void installPrograms(),
  begin: (options) =>
    SharedSystem.start(
      options,
      (own) => PatroniCluster.start(own),
      ({ databaseUrl }) => ({ databaseUrl }),
    ),
  disasters: [
    failover({
      name: 'server-killed',
      how: 'the leader’s PostgreSQL is killed',
      outageS: { full: 20, quick: 15 },
      act(cluster, leader) {
        cluster.killServer(leader);
        return () => {};
      },
    }),
    failover({
      name: 'machine-killed',
      how: 'the leader’s PostgreSQL is killed with its Patroni, which is started again in the end',
      outageS: DEAD,
      act(cluster, leader) {
        cluster.killBoth(leader);
        return () => cluster.startPatroni(leader);
      },
    }),
    failover({
      name: 'frozen-and-woken',
      how: 'the leader’s PostgreSQL and its Patroni are frozen (SIGSTOP), and wake when another leads',
      outageS: DEAD,
      act: (cluster, leader) => cluster.freezeBoth(leader),
    }),
    failover({
      name: 'cut-from-standbys',
      how: 'no packet passes between the leader and the other two machines, but for etcd',
      outageS: DEAD,
      act(cluster, leader) {
        const others = cluster.othersThan(leader).map(({ machine }) => machine.address);
        leader.machine.cutFrom(others, { except: ETCD_PORTS });
        return () => leader.machine.heal();
      },
    }),
    failover({
      name: 'cut-from-etcd',
      how: 'the leader reaches no etcd but its own, which is alone',
      outageS: DEAD,
      act(cluster, leader) {
        const others = cluster.othersThan(leader).map(({ machine }) => machine.address);
        leader.machine.cutFrom(others, { only: ETCD_PORTS });
        return () => leader.machine.heal();
      },
    }),
    failover({
      name: 'cut-from-us',
      how: 'no packet passes between the leader and us, and its cluster is whole: so it stays leader',
      outageS: { full: 20, quick: 10 },
      act(cluster, leader) {
        leader.machine.cutFrom([cluster.network.us]);
        return () => leader.machine.heal();
      },
    }),
    failover({
      name: 'cable-pulled',
      how: 'the leader’s machine is cut off from everybody, and is back when another leads',
      outageS: DEAD,
      act(_cluster, leader) {
        leader.machine.unplug();
        return () => leader.machine.heal();
      },
    }),
    failover({
      name: 'etcd-lost',
      how: 'two of three etcds are killed, and started again in the end',
      outageS: DEAD,
      act(cluster, leader) {
        const others = cluster.othersThan(leader);
        for (const node of others) cluster.killEtcd(node);
        return async () => void (await Promise.all(others.map((node) => cluster.startEtcd(node))));
      },
    }),
  ],
};
