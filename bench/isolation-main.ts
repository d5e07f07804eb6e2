import { parseArgs } from 'node:util';
import { short, table } from './harness/figures.js';
import { withWorld } from './harness/world.js';
import { type IsolationOptions, runIsolation } from './isolation.js';
import { circumstances, keep, write } from './results.js';

const FULL: IsolationOptions = { idleS: 60, phaseS: 40, pairs: 3, low: 8_000, medium: 2_000 };
const QUICK: IsolationOptions = { idleS: 4, phaseS: 4, pairs: 1, low: 200, medium: 100 };

const USAGE = `npm run bench:isolation -- [NAME=VALUE ...] [--short]
  NAME=VALUE  environment variables for every process of ours
  --short     a short run: seconds in the place of minutes
`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { short: { type: 'boolean', default: false }, help: { type: 'boolean', default: false } },
});
if (values.help) write(USAGE);
else await measure();

async function measure(): Promise<void> {
  const env = Object.fromEntries(positionals.map((setting) => setting.split(/=(.*)/s).slice(0, 2)));
  const about = circumstances();
  const result = await withWorld(async (world) =>
    runIsolation(world, await world.startStack({ env }), values.short ? QUICK : FULL),
  );
  const row = (name: string, { count, p50Ms, p99Ms, worstMs }: (typeof result)['idle']) => [
    name,
    ...[count, p50Ms, p99Ms, worstMs].map(short),
  ];
  write(
    table([
      ['critical, every 0.5 s', 'e-mails', 'p50, ms', 'p99, ms', 'worst, ms'],
      row('idle', result.idle),
      row('on the backlog', result.onBacklog),
      ...result.stages.map((stage) => row(`  of it ${stage.stage}`, stage)),
    ]),
  );
  write(
    `\np99 on the backlog is ${short(result.p99Ratio)} times idle; ${short(result.perSWith)} e-mails/s in all, ` +
      `${short(result.perSWithout)} without critical (${short(result.perSWith / result.perSWithout)}); ` +
      `${result.backlogLeft} of the backlog were left`,
  );
  write(`Results: ${keep('isolation.json', { ...about, ...result })}`);
}
