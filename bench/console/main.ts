import { mkdirSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { chromiumPath } from '../../test/support/console/browser.js';
import { withWorld } from '../harness/world.js';
import { circumstances, keep, write } from '../results.js';
import { LARGE } from '../search/filled.js';
import { benchPaint, paintTable } from './paint.js';
import { benchRetry, retrySentence } from './retry.js';

const USAGE = `npm run bench:console -- retry | paint [--emails N] [--waiting N] [--rounds N] [--keep FOLDER]
  retry          10,000 dead letters retried by one job that is begun in the console; the api is killed three times
  paint          how soon Now is painted while 100,000 wait and ten million rows are in the record
  --emails N     how many: of retry (10,000), of paint (3,300,000, with their events and calls ten million rows, 4 GB)
  --waiting N    of paint, how many wait (100,000)
  --rounds N     of paint, how often it is opened with nothing kept, and with its files kept (10)
  --keep FOLDER  of paint: the e-mails stay there, and the next run finds them
`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    emails: { type: 'string' },
    waiting: { type: 'string', default: '100000' },
    rounds: { type: 'string', default: '10' },
    keep: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});
const [what] = positionals;
const [emails, waiting, rounds] = [
  values.emails ?? (what === 'paint' ? '3300000' : '10000'),
  values.waiting,
  values.rounds,
].map(Number) as [number, number, number];

if (values.help) {
  write(USAGE);
} else if (!chromiumPath) {
  process.stderr.write('There is no Chromium here (apt-get install chromium).\n');
  process.exitCode = 1;
} else if (
  (what !== 'retry' && what !== 'paint') ||
  positionals.length > 1 ||
  ![emails, waiting, rounds].every(isCount)
) {
  process.stderr.write(USAGE);
  process.exitCode = 2;
} else {
  const about = circumstances();
  if (what === 'retry') {
    const result = await withWorld(async (world) => benchRetry(world, await world.startStack(), emails));
    write(retrySentence(result));
    write(`Results: ${keep('console-retry.json', { ...about, ...result })}`);
    if (!result.isRight) process.exitCode = 1;
  } else {
    if (values.keep) mkdirSync(values.keep, { recursive: true, mode: 0o711 });
    const options = { emails, waiting, rounds };
    const result = await withWorld((world) => benchPaint(world, options), LARGE, values.keep);
    write(paintTable(result));
    write(`Results: ${keep('console-paint.json', { ...about, ...result })}`);
  }
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value > 0;
}
