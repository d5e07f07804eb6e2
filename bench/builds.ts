import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { metricsPorts } from '../test/support/monitoring/metrics-ports.js';
import { PROCESS_NAMES, type Stack } from '../test/support/stack.js';
import { type Costs, compare } from './compare.js';
import { short, sum, table } from './harness/figures.js';
import { idleCpu } from './harness/usage.js';
import { SECOND_NAMESPACE, type World } from './harness/world.js';
import { oursOn } from './variants/ours.js';
import { TIME_SCALE } from './variants/variant.js';

/** As deploy/prometheus has it. */
const SCRAPE_EVERY_MS = 15_000;

interface Options {
  /** The folder of a checkout that has been built. */
  readonly checkout: string;
  /** Ours, when it runs already. */
  readonly stack?: Stack;
  readonly emails: number;
  readonly rounds: number;
  /** How long both are watched while nobody asks for anything. */
  readonly idleS: number;
  readonly say: (sentence: string) => void;
}

interface BesideResult {
  readonly costs: readonly [ours: Costs, other: Costs];
  /** CPU by process while nobody asks for anything, in milliseconds a second. PostgreSQL and Temporal serve both. */
  readonly idleCpuMsPerS: readonly Readonly<Record<string, number>>[];
}

/**
 * Ours beside another build of it, such as that of the commit before a change: each on a database that its own
 * migrations have made, with metrics that are scraped, in rounds that take turns.
 */
export async function compareBuilds(world: World, options: Options): Promise<BesideResult> {
  const dist = join(resolve(options.checkout), 'dist');
  if (!existsSync(join(dist, 'src/api/main.js'))) throw new Error(`${dist} holds no build`);
  const database = 'second';
  const url = await world.createDatabase(database, dist);
  const start = async (more: Parameters<World['startStack']>[0]) => {
    const ports = await metricsPorts();
    const stack = await world.startStack({ env: { SANDBOX_TIME_SCALE: String(TIME_SCALE) }, ...ports, ...more });
    const scrape = () => Promise.all(PROCESS_NAMES.map((name) => ports.ask(name, '/metrics').then((it) => it?.text())));
    const timer = setInterval(() => void scrape(), SCRAPE_EVERY_MS);
    world.own(timer, clearInterval);
    return stack;
  };
  const ours = oursOn(world, options.stack ?? (await start({})));
  const before = await start({ databaseUrl: url, namespace: SECOND_NAMESPACE, dist });
  const other = { database, client: await world.connect(url), namespace: SECOND_NAMESPACE };
  const variants = [ours, oursOn(world, before, { name: options.checkout, other })];
  const costs = (await compare(world, variants, options)) as [Costs, Costs];
  // Afterwards: what is compiled and connected at first is no cost of waiting.
  const idleCpuMsPerS = await idleCpu(
    variants.map(({ pids }) => pids),
    options.idleS,
  );
  return { costs, idleCpuMsPerS };
}

/** What the one costs more than the other, in one sentence. */
export function differenceOf([ours, other]: readonly [Costs, Costs]): string {
  const cpuMs = (costs: Costs) => sum(Object.values(costs.cpuMs));
  const rate = (100 * (ours.emailsPerS - other.emailsPerS)) / other.emailsPerS;
  return `this build beside ${other.name}: ${short(rate)} % in e-mails a second, ${short(cpuMs(ours) - cpuMs(other))} ms of CPU an e-mail`;
}

/** What each process uses while nobody asks for anything, of both. */
export function idleTable({ costs, idleCpuMsPerS }: BesideResult): string {
  const names = Object.keys(idleCpuMsPerS[0]!).filter((name) => PROCESS_NAMES.some((each) => each === name));
  const ours = (idle: Readonly<Record<string, number>>) => sum(names.map((name) => idle[name]!));
  return table([
    ['idle, ms of CPU a second', ...names, 'all of them'],
    ...costs.map(({ name }, n) => {
      const idle = idleCpuMsPerS[n]!;
      return [name, ...names.map((each) => short(idle[each])), short(ours(idle))];
    }),
  ]);
}
