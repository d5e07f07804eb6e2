import { parseArgs } from 'node:util';
import { PRIORITIES } from '../src/priority.js';
import { checkAgainst } from './capacity/check.js';
import { emailCost } from './capacity/costs.js';
import { type CapacityPlan, planCapacity } from './capacity/plan.js';
import { short, table } from './harness/figures.js';
import { recall, write } from './results.js';
import type { SloResult } from './slo.js';

const USAGE = `npm run capacity -- [--per-day N ...]
  --per-day N  e-mails a day, as 1210000, 1.21M or 500k; may be given several times (1.21M, 12.1M and 121M)
`;

const { values } = parseArgs({
  options: {
    'per-day': { type: 'string', multiple: true, default: ['1.21M', '12.1M', '121M'] },
    help: { type: 'boolean', default: false },
  },
});
const loads = values['per-day'].map(parseCount);

if (values.help) {
  write(USAGE);
} else if (loads.some((load) => !(load > 0))) {
  process.stderr.write(USAGE);
  process.exitCode = 2;
} else {
  const { cost, source } = emailCost();
  write(`Costs of an e-mail from ${source}.\n`);
  write(`${planTable(loads.map((load) => planCapacity(load, cost)))}\n`);
  const measured = recall<SloResult & { cores: number }>('slo.json');
  if (measured) {
    write('The model beside the latest SLO run on this machine:\n');
    write(
      table([
        ['', 'measured', 'model', 'model ÷ measured'],
        ...checkAgainst(measured, measured.cores, cost).map((each) => [
          `${each.priority} ${each.figure}${each.figure === 'attainment' ? '' : ', ms'}`,
          short(each.measured),
          short(each.simulated),
          short(each.ratio),
        ]),
      ]),
    );
  }
}

function parseCount(text: string): number {
  const [, digits, unit] = /^([\d.]+)([kM]?)$/.exec(text) ?? [];
  return Number(digits) * { k: 1e3, M: 1e6, '': 1 }[unit ?? '']!;
}

function planTable(plans: readonly CapacityPlan[]): string {
  const row = (name: string, read: (plan: CapacityPlan) => string | number) => [
    name,
    ...plans.map((plan) => {
      const value = read(plan);
      return typeof value === 'number' ? count(value) : value;
    }),
  ];
  const seconds = (ms: number) => (ms < 10_000 ? `${short(ms / 1000)} s` : `${Math.round(ms / 1000)} s`);
  return table([
    row('e-mails a day', (plan) => plan.perDay),
    row('submitted in the busiest second', (plan) => Math.round(plan.busiestPerS)),
    row('handed over a second, at most', (plan) => Math.round(plan.servedPerS)),
    ...PRIORITIES.flatMap((priority) => [
      row(`workers ${priority}`, (plan) => plan.fleets[priority].processes),
      row('  in flight', (plan) => plan.fleets[priority].inFlight),
      row('  in time', (plan) => `${(plan.fleets[priority].attainment * 100).toFixed(0)} %`),
      row('  p99, worst', (plan) => {
        const { p99Ms, worstMs } = plan.fleets[priority];
        return `${seconds(p99Ms)}, ${seconds(worstMs)}`;
      }),
    ]),
    row('api', (plan) => plan.apiProcesses),
    row('webhooks', (plan) => plan.webhooksProcesses),
    row('dispatcher', (plan) => plan.dispatcherProcesses),
    row('PostgreSQL cores', (plan) => plan.database.cores),
    row('  statements a second', (plan) => Math.round(plan.database.statementsPerS)),
    row('  connections', (plan) => plan.database.connections),
    row('  WAL, MB a second', (plan) => plan.database.walMbPerS),
    row('  stored, GB a month', (plan) => Math.round(plan.database.storedGbAMonth)),
    row('Temporal cores, with its database', (plan) => plan.temporal.cores),
    row('  history shards', (plan) => plan.temporal.shards),
    row('  actions a month, millions', (plan) => Math.round(plan.temporal.actionsAMonth / 1e6)),
    row('  open workflows', (plan) => plan.temporal.openWorkflows),
    row('  stored, GB', (plan) => Math.round(plan.temporal.storedGb)),
  ]);
}

function count(value: number): string {
  return Number.isInteger(value) ? value.toLocaleString('en') : short(value);
}
