import { parseArgs } from 'node:util';
import { short, table } from './harness/figures.js';
import { withWorld } from './harness/world.js';
import { handOverPicture } from './picture.js';
import { circumstances, keep, write } from './results.js';
import { figureRows, runSlo } from './slo.js';

const USAGE = `npm run bench:slo -- [--minutes N] [--rate N] [--burst N]
  --minutes N  how long e-mails arrive (10)
  --rate N     e-mails a second on average, critical : medium : low = 1 : 20 : 100 (14)
  --burst N    medium e-mails on top, within ten seconds (2,000)
`;

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    rate: { type: 'string', default: '14' },
    burst: { type: 'string', default: '2000' },
    help: { type: 'boolean', default: false },
  },
});
const load = { minutes: Number(values.minutes), ratePerS: Number(values.rate), burst: Number(values.burst) };

if (values.help) {
  write(USAGE);
} else if (!(load.minutes > 0 && load.ratePerS > 0 && load.burst >= 0)) {
  process.stderr.write(USAGE);
  process.exitCode = 2;
} else {
  const about = circumstances();
  const result = await withWorld(async (world) => {
    const stack = await world.startStack();
    return runSlo(world, stack, load);
  });
  write(table(figureRows(result.figures)));
  write(
    `\n${result.lost} lost, ${result.duplicates} duplicates, ${result.refused} submissions refused; ` +
      `the last was handed over ${short(result.drainedAfterS)} s after the last submission`,
  );
  const title = `Hand-over times at ${load.ratePerS} e-mails/s, and ${load.burst} medium at once`;
  keep('slo.svg', handOverPicture(result.handOvers, title));
  write(`Results: ${keep('slo.json', { ...about, ...result })}, bench/results/slo.svg`);
  // Late mail is a figure; lost or doubled mail is a fault.
  if (result.lost + result.duplicates + result.refused > 0) process.exitCode = 1;
}
