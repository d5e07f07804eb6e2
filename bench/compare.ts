import { setTimeout as delay } from 'node:timers/promises';
import { short, sum, table } from './harness/figures.js';
import { type HistoryCost, historyCost } from './harness/histories.js';
import { listStatements, readStatements, resetStatements, type StatementKind } from './harness/statements.js';
import { Meter } from './harness/usage.js';
import type { World } from './harness/world.js';
import type { Variant } from './variants/variant.js';

/** What an e-mail costs in one variant; CPU in milliseconds by process, whatever a round costs being shared by all. */
export interface Costs {
  readonly name: string;
  readonly emails: number;
  readonly emailsPerS: number;
  readonly cpuMs: Readonly<Record<string, number>>;
  readonly peakBytes: Readonly<Record<string, number>>;
  readonly statements?: number;
  readonly walBytes?: number;
  readonly history?: HistoryCost;
  readonly topStatements?: readonly StatementKind[];
}

interface Round {
  readonly elapsedMs: number;
  readonly cpuMs: Readonly<Record<string, number>>;
  readonly peakBytes: Readonly<Record<string, number>>;
  readonly statements?: { readonly calls: number; readonly walBytes: number };
}

/** What warms up: connections, caches, and code that is compiled while it runs, which takes hundreds of e-mails. */
export const WARM_UP_EMAILS = 200;

/** Measures all variants in turn, round after round, so that the machine's noise hits all alike. */
export async function compare(
  world: World,
  variants: readonly Variant[],
  options: { readonly emails: number; readonly rounds: number; readonly say: (sentence: string) => void },
): Promise<Costs[]> {
  const emails = Math.ceil(options.emails / options.rounds);
  const rounds = new Map<Variant, Round[]>(variants.map((variant) => [variant, []]));
  const top = new Map<Variant, readonly StatementKind[]>();
  const histories = new Map<Variant, HistoryCost>();
  for (const variant of variants) await variant.round(Math.min(WARM_UP_EMAILS, emails));
  for (let number = 1; number <= options.rounds; number++) {
    // Every other round backwards: whatever grows during a run favours nobody.
    for (const variant of number % 2 === 1 ? variants : [...variants].reverse()) {
      const round = await measure(world, variant, emails);
      rounds.get(variant)!.push(round);
      if (variant.database) top.set(variant, await listStatements(world.server, variant.database));
      // Now, while the newest ones are this variant's: two variants may have workflows of one type.
      if (variant.workflowType)
        histories.set(variant, await historyCost(variant.temporal ?? world.temporal, variant.workflowType));
      options.say(`round ${number}: ${variant.name} ${short((emails * 1000) / round.elapsedMs)} e-mails/s`);
    }
  }
  return variants.map((variant) => ({
    ...summarise(variant, rounds.get(variant)!, emails),
    history: histories.get(variant),
    topStatements: top.get(variant),
  }));
}

async function measure(world: World, variant: Variant, emails: number): Promise<Round> {
  await delay(500);
  await resetStatements(world.server);
  const meter = new Meter(variant.pids);
  const begun = performance.now();
  await variant.round(emails);
  const elapsedMs = performance.now() - begun;
  const statements = variant.database ? await readStatements(world.server, variant.database) : undefined;
  return { elapsedMs, ...meter.stop(), statements };
}

function summarise({ name, pids }: Variant, rounds: readonly Round[], emailsARound: number): Costs {
  const emails = emailsARound * rounds.length;
  const perProcess = <T>(make: (process: string) => T) =>
    Object.fromEntries(Object.keys(pids).map((process) => [process, make(process)]));
  const counted = rounds.every((round) => round.statements);
  return {
    name,
    emails,
    emailsPerS: (emails * 1000) / sum(rounds.map((round) => round.elapsedMs)),
    cpuMs: perProcess((process) => sum(rounds.map((round) => round.cpuMs[process]!)) / emails),
    peakBytes: perProcess((process) => Math.max(...rounds.map((round) => round.peakBytes[process]!))),
    statements: counted ? sum(rounds.map((round) => round.statements!.calls)) / emails : undefined,
    walBytes: counted ? sum(rounds.map((round) => round.statements!.walBytes)) / emails : undefined,
  };
}

const OURS = /^(api|dispatcher|worker|webhooks|bare)/;

/** CPU of what is not a server, a provider or the bench itself. */
export const nodeCpuMs = ({ cpuMs }: Costs) =>
  sum(Object.entries(cpuMs).flatMap(([process, ms]) => (OURS.test(process) ? [ms] : [])));

const COLUMNS = ['api', 'dispatcher', 'worker', 'webhooks', 'Temporal', 'PostgreSQL', 'sandbox', 'driver'];

/** The columns of a process: workers of all priorities are one, and so are a cluster's roles with their database. */
const columnOf = (process: string) =>
  process.startsWith('worker') || process === 'bare'
    ? 'worker'
    : process.startsWith('Temporal ')
      ? 'Temporal'
      : process;

/** One line a variant. */
export function costTable(costs: readonly Costs[]): string {
  const first = costs[0]!;
  const inColumn = (values: Readonly<Record<string, number>>, column: string) => {
    const all = Object.entries(values).filter(([process]) => columnOf(process) === column);
    return all.length === 0 ? undefined : sum(all.map(([, value]) => value));
  };
  const head = (what: string, columns: readonly string[]) => [what, ...columns];
  const mb = (bytes: number | undefined) => short(bytes === undefined ? undefined : bytes / 2 ** 20);
  return [
    table([
      head('', ['e-mails/s', `of ${first.name}`, 'statements', 'WAL bytes', 'events', 'history bytes', 'actions']),
      ...costs.map((each) => [
        each.name,
        short(each.emailsPerS),
        short(each.emailsPerS / first.emailsPerS),
        short(each.statements),
        short(each.walBytes),
        short(each.history?.events),
        short(each.history?.bytes),
        short(each.history?.actions),
      ]),
    ]),
    table([
      head('CPU, ms an e-mail', [...COLUMNS, 'all', 'our Node']),
      ...costs.map((each) => [
        each.name,
        ...COLUMNS.map((column) => short(inColumn(each.cpuMs, column))),
        short(sum(Object.values(each.cpuMs))),
        short(nodeCpuMs(each)),
      ]),
    ]),
    table([
      head('memory at its peak, MB', COLUMNS),
      ...costs.map((each) => [each.name, ...COLUMNS.map((column) => mb(inColumn(each.peakBytes, column)))]),
    ]),
  ].join('\n\n');
}
