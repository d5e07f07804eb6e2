import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { metricsPorts } from '../test/support/monitoring/metrics-ports.js';
import { PROCESS_NAMES, type Stack } from '../test/support/stack.js';
import { WARM_UP_EMAILS } from './compare.js';
import { type Estimate, estimateOf, mean, short, sum, table } from './harness/figures.js';
import { readStatements, resetStatements } from './harness/statements.js';
import { idleCpu, Meter } from './harness/usage.js';
import { World } from './harness/world.js';
import { oursOn } from './variants/ours.js';
import { TIME_SCALE, type Variant } from './variants/variant.js';

/** As deploy/prometheus has it. */
const SCRAPE_EVERY_MS = 15_000;

interface Options {
  /** The folder of a checkout that has been built. */
  readonly checkout: string;
  /** Ours in the given world, when it runs already. */
  readonly stack?: Stack;
  /** Of each build, in all rounds together. */
  readonly emails: number;
  readonly rounds: number;
  /** How long both are watched while nobody asks for anything. */
  readonly idleS: number;
  readonly say: (sentence: string) => void;
}

/** One build with all that serves it: nothing is shared with the other, so that every millisecond is one's own. */
interface Build {
  readonly world: World;
  readonly variant: Variant;
}

type OfBoth<T> = readonly [ours: T, other: T];

/** One round of the two builds. */
interface Round {
  /** E-mails a second, alone on the machine, one after the other. */
  readonly emailsPerS: OfBoth<number>;
  /** CPU of an e-mail by process, in milliseconds, with both at work at the same time. */
  readonly cpuMs: OfBoth<Readonly<Record<string, number>>>;
  /** Statements of an e-mail, of the same time. */
  readonly statements: OfBoth<number>;
}

interface BesideResult {
  readonly names: OfBoth<string>;
  readonly rounds: readonly Round[];
  /** CPU by process while nobody asks for anything, in milliseconds a second. */
  readonly idleCpuMsPerS: OfBoth<Readonly<Record<string, number>>>;
}

/**
 * Ours beside another build of it, such as that of the commit before a change; each has servers of its own, and metrics
 * that are scraped. The rate is taken from rounds in turn. CPU is taken while both work at the same time: what a
 * millisecond is worth changes by a fifth from one minute of a shared machine to the next, and then changes for both.
 */
export async function compareBuilds(world: World, options: Options): Promise<BesideResult> {
  const dist = join(resolve(options.checkout), 'dist');
  if (!existsSync(join(dist, 'src/api/main.js'))) throw new Error(`${dist} holds no build`);
  const before = world.own(await World.start({}, undefined, dist), (it) => it.end());
  const builds = [
    buildOf(world, 'ours', options.stack ?? (await start(world))),
    buildOf(before, options.checkout, await start(before, dist)),
  ] as const;
  const emails = Math.ceil(options.emails / options.rounds / 2);
  await ofBoth(builds, ({ variant }) => variant.round(Math.min(WARM_UP_EMAILS, emails)));
  const rounds: Round[] = [];
  for (let number = 1; number <= options.rounds; number++) {
    rounds.push(await measure(builds, emails, number % 2 === 0));
    options.say(`round ${number} of ${options.rounds}: ${differenceOf({ names: ['ours', 'the other'], rounds })}`);
  }
  // Afterwards: what is compiled and connected at first is no cost of waiting.
  const pids = builds.map(({ variant }) => variant.pids);
  const idleCpuMsPerS = (await idleCpu(pids, options.idleS)) as unknown as BesideResult['idleCpuMsPerS'];
  return { names: ['ours', options.checkout], rounds, idleCpuMsPerS };
}

const buildOf = (world: World, name: string, stack: Stack): Build => ({
  world,
  variant: oursOn(world, stack, { name }),
});

async function start(world: World, dist?: string): Promise<Stack> {
  const ports = await metricsPorts();
  const stack = await world.startStack({ env: { SANDBOX_TIME_SCALE: String(TIME_SCALE) }, ...ports, dist });
  const scrape = () => Promise.all(PROCESS_NAMES.map((each) => ports.ask(each, '/metrics').then((it) => it?.text())));
  world.own(
    setInterval(() => void scrape(), SCRAPE_EVERY_MS),
    clearInterval,
  );
  return stack;
}

async function ofBoth<T>(builds: OfBoth<Build>, make: (build: Build) => Promise<T>): Promise<OfBoth<T>> {
  return (await Promise.all(builds.map(make))) as unknown as OfBoth<T>;
}

/** @param backwards the other one first: whatever grows during a run favours nobody. */
async function measure(builds: OfBoth<Build>, emails: number, backwards: boolean): Promise<Round> {
  const [ours, other] = builds;
  const alone = async ({ variant }: Build) => {
    const begun = performance.now();
    await variant.round(emails);
    return (emails * 1_000) / (performance.now() - begun);
  };
  const otherFirst = backwards ? await alone(other) : undefined;
  const emailsPerS = [await alone(ours), otherFirst ?? (await alone(other))] as const;
  await ofBoth(builds, ({ world }) => resetStatements(world.server));
  const meters = builds.map(({ variant }) => new Meter(variant.pids));
  await ofBoth(builds, ({ variant }) => variant.round(emails));
  const cpuMs = meters.map((meter) =>
    Object.fromEntries(Object.entries(meter.stop().cpuMs).map(([process, ms]) => [process, ms / emails])),
  ) as unknown as Round['cpuMs'];
  const counted = await ofBoth(builds, ({ world }) => readStatements(world.server, 'tempost'));
  return { emailsPerS, cpuMs, statements: [counted[0].calls / emails, counted[1].calls / emails] };
}

/** The bench's own process and the providers' stand-in cost nobody anything in production. */
const OUTSIDE = new Set(['driver', 'sandbox']);
const costOf = (cpuMs: Readonly<Record<string, number>>) =>
  sum(Object.entries(cpuMs).flatMap(([process, ms]) => (OUTSIDE.has(process) ? [] : [ms])));

const told = ({ mean: middle, within }: Estimate) => `${short(middle)} ± ${short(within)}`;

/** What the one costs more than the other, in one sentence. */
export function differenceOf({ names, rounds }: Pick<BesideResult, 'names' | 'rounds'>): string {
  const rate = estimateOf(rounds.map(({ emailsPerS: [ours, other] }) => 100 * (ours / other - 1)));
  const cpu = estimateOf(rounds.map(({ cpuMs: [ours, other] }) => costOf(ours) - costOf(other)));
  return `this build beside ${names[1]}: ${told(rate)} % in e-mails a second, ${told(cpu)} ms of CPU an e-mail`;
}

/** What an e-mail costs in each process, of both, and by how much they differ. */
export function besideTable({ names, rounds }: BesideResult): string {
  const processes = Object.keys(rounds[0]!.cpuMs[0]).filter((name) => !OUTSIDE.has(name));
  const build = (n: 0 | 1) => [
    names[n],
    short(mean(rounds.map(({ emailsPerS }) => emailsPerS[n]))),
    short(mean(rounds.map(({ statements }) => statements[n]))),
    ...processes.map((name) => short(mean(rounds.map(({ cpuMs }) => cpuMs[n][name]!)))),
    short(mean(rounds.map(({ cpuMs }) => costOf(cpuMs[n])))),
  ];
  const more = (of: (round: Round) => OfBoth<number>) =>
    told(estimateOf(rounds.map(of).map(([ours, other]) => ours - other)));
  return table([
    ['CPU, ms an e-mail', 'e-mails/s', 'statements', ...processes, 'all'],
    build(0),
    build(1),
    [
      'more',
      more(({ emailsPerS }) => emailsPerS),
      more(({ statements }) => statements),
      ...processes.map((name) => more(({ cpuMs: [ours, other] }) => [ours[name]!, other[name]!])),
      more(({ cpuMs: [ours, other] }) => [costOf(ours), costOf(other)]),
    ],
  ]);
}

/** What each process uses while nobody asks for anything, of both. */
export function idleTable({ names, idleCpuMsPerS }: Pick<BesideResult, 'names' | 'idleCpuMsPerS'>): string {
  const processes = Object.keys(idleCpuMsPerS[0]).filter((name) => !OUTSIDE.has(name));
  return table([
    ['idle, ms of CPU a second', ...processes, 'all of them'],
    ...names.map((name, n) => {
      const idle = idleCpuMsPerS[n as 0 | 1];
      return [name, ...processes.map((each) => short(idle[each])), short(costOf(idle))];
    }),
  ]);
}
