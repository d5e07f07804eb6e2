import { fileURLToPath } from 'node:url';
import { table } from '../harness/figures.js';
import { withWorld } from '../harness/world.js';
import { circumstances, keep, say, write } from '../results.js';
import { accept, type Compared, compareCounts, failures, readCommitted, writeCommitted } from './committed.js';
import { COUNTING, countEmails } from './count.js';
import { KIND_NAMES, KINDS, METRICS } from './metrics.js';

const FILE = fileURLToPath(new URL('../counts.json', import.meta.url));
/** On a machine where twenty processes wanted two cores, up to two of five had something on top. */
const SIZE = { warmUp: 1, emails: 5 };

/**
 * Counts what an e-mail costs and compares it with `bench/counts.json`.
 *
 * @param reason why the counts of now are to be the committed ones; undefined to compare only.
 * @returns the process's exit code: 1 when something has risen by more than 3 %, and no reason is given.
 */
export async function runQuick(reason: string | undefined): Promise<number> {
  const about = circumstances();
  const { counts, ...details } = await withWorld((world) => countEmails(world, { ...SIZE, say }), COUNTING);
  const committed = readCommitted(FILE);
  const compared = compareCounts(committed, counts);
  write(countTable(compared));
  for (const [name, what] of Object.entries(KINDS)) write(`${name}: ${what}`);
  write(
    `Each e-mail, and the statements of one of each kind: ${keep('counts.json', { ...about, counts, ...details })}`,
  );
  if (reason !== undefined) {
    const accepted = accept(committed, compared, { reason, date: about.measuredAt.slice(0, 10) });
    if (accepted !== committed) writeCommitted(FILE, accepted);
    write(accepted === committed ? 'Nothing differs: bench/counts.json stays.' : 'Written to bench/counts.json.');
    return 0;
  }
  const failed = failures(compared);
  for (const each of failed) write(sentenceOf(each));
  if (compared.some(({ verdict }) => verdict === 'fallen'))
    write('Some counts are lower: npm run bench -- --quick --accept "reason" keeps them so.');
  if (failed.length > 0) write('Worth it? npm run bench -- --quick --accept "reason" writes them, with the reason.');
  else write('Nothing has risen by more than 3 %.');
  return failed.length > 0 ? 1 : 0;
}

function sentenceOf({ kind, metric, before, now }: Compared): string {
  if (before === undefined) return `${kind}.${metric} is ${now}, and nothing is committed`;
  return `RISEN ${kind}.${metric}: ${before} → ${now} (${percentOf(before, now)})`;
}

const percentOf = (before: number, now: number) =>
  `${now >= before ? '+' : ''}${((now / before - 1) * 100).toFixed(1)} %`;

/** One line a kind, one column a metric; what differs stands beside what is committed. */
function countTable(compared: readonly Compared[]): string {
  const cell = ({ before, now, verdict }: Compared) =>
    verdict === 'same' || before === undefined ? String(now) : `${before} → ${now}`;
  return table([
    ['', ...METRICS],
    ...KIND_NAMES.map((kind) => [kind, ...compared.filter((each) => each.kind === kind).map(cell)]),
  ]);
}
