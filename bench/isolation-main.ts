import { parseArgs } from 'node:util';
import { short, table } from './harness/figures.js';
import { withWorld } from './harness/world.js';
import { type IsolationOptions, runIsolation } from './isolation.js';
import { circumstances, keep, write } from './results.js';

const FULL: IsolationOptions = { idleS: 60, phaseS: 40, pairs: 3, low: 5_000, medium: 2_000 };
const QUICK: IsolationOptions = { idleS: 4, phaseS: 4, pairs: 1, low: 200, medium: 100 };

const { values } = parseArgs({ options: { quick: { type: 'boolean', default: false } } });
const about = circumstances();
const result = await withWorld(async (world) =>
  runIsolation(world, await world.startStack(), values.quick ? QUICK : FULL),
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
  ]),
);
write(
  `\np99 on the backlog is ${short(result.p99Ratio)} times idle; ${short(result.perSWith)} e-mails/s in all, ` +
    `${short(result.perSWithout)} without critical (${short(result.perSWith / result.perSWithout)}); ` +
    `${result.backlogLeft} of the backlog were left`,
);
write(`Results: ${keep('isolation.json', { ...about, ...result })}`);
