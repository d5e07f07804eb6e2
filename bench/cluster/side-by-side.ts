import { Client } from '@temporalio/client';
import { TemporalCluster } from '../../drills/production/temporal/cluster.js';
import { findTemporalCli } from '../../src/dev/temporal/cli.js';
import { type Costs, compare, costTable } from '../compare.js';
import { short, sum, table } from '../harness/figures.js';
import { idleCpu } from '../harness/usage.js';
import type { World } from '../harness/world.js';
import { startBare } from '../variants/bare.js';
import { oursOn } from '../variants/ours.js';
import { TIME_SCALE } from '../variants/variant.js';

const IDLE_S = 20;
const DATABASE = 'on_cluster';

interface ClusterResult {
  readonly shards: number;
  readonly costs: readonly Costs[];
  /** CPU of the cluster's processes while nobody asks for anything, in milliseconds a second. */
  readonly idleCpuMsPerS: Readonly<Record<string, number>>;
}

/**
 * Ours and bare on the dev server, beside both on a cluster as `deploy/temporal` makes it, all on this machine: what
 * Temporal costs where it is many processes, PostgreSQL and certificates.
 *
 * @throws CannotDrill when the cluster cannot be had here.
 */
export async function benchCluster(
  world: World,
  options: {
    readonly emails: number;
    readonly rounds: number;
    readonly shards: number;
    readonly say: (sentence: string) => void;
  },
): Promise<ClusterResult> {
  const cli = await findTemporalCli({ env: process.env, dataDir: process.env.DATA_DIR || '.data' });
  const own = (end: () => unknown) => void world.own(null, end);
  const cluster = await TemporalCluster.start(own, { cli, shards: options.shards });
  options.say(`a cluster with ${options.shards} shards is up`);
  const [idleCpuMsPerS] = await idleCpu([cluster.pids], IDLE_S);
  const connection = world.own(await cluster.connect(), (it) => it.close());
  const { env, address, pids } = cluster;
  const namespace = env.TEMPORAL_NAMESPACE!;
  const temporal = { client: new Client({ connection, namespace }), pids };
  const scale = { SANDBOX_TIME_SCALE: String(TIME_SCALE) };
  const databaseUrl = await world.createDatabase(DATABASE);
  const onCluster = await world.startStack({ databaseUrl, temporalAddress: address, env: { ...scale, ...env } });
  const other = { database: DATABASE, client: await world.connect(databaseUrl), namespace, temporal };
  const variants = [
    await startBare(world),
    oursOn(world, await world.startStack({ env: scale })),
    await startBare(world, { name: 'on a cluster', address, namespace, env, ...temporal }),
    oursOn(world, onCluster, { name: 'ours, on a cluster', other }),
  ];
  return { shards: options.shards, costs: await compare(world, variants, options), idleCpuMsPerS: idleCpuMsPerS! };
}

const PARTS = ['frontend', 'history', 'matching', 'worker', 'PostgreSQL'] as const;

/** Of both machines together. */
const ofPart = (cpuMs: Readonly<Record<string, number>>, part: string) =>
  sum(Object.entries(cpuMs).flatMap(([name, ms]) => (name.startsWith(`Temporal ${part}`) ? [ms] : [])));

/** What the comparison says, and what each part of the cluster takes. */
export function clusterTables({ costs, idleCpuMsPerS, shards }: ClusterResult): string {
  const onCluster = costs.filter(({ cpuMs }) => ofPart(cpuMs, 'history') > 0);
  const row = (name: string, cpuMs: Readonly<Record<string, number>>) => [
    name,
    ...PARTS.map((part) => short(ofPart(cpuMs, part))),
    short(sum(PARTS.map((part) => ofPart(cpuMs, part)))),
  ];
  return [
    costTable(costs),
    `of it Temporal's, with ${shards} shards:`,
    table([
      ['CPU', ...PARTS, 'all'],
      ...onCluster.map(({ name, cpuMs }) => row(`${name}, ms an e-mail`, cpuMs)),
      row('idle, ms a second', idleCpuMsPerS),
    ]),
  ].join('\n\n');
}
