import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { findTemporalCli } from '../src/dev/temporal/cli.js';
import { Interrupted, Parts } from '../test/support/servers/parts.js';
import type { Drill } from './drill.js';
import { table } from './production/report.js';
import { choose, runProduction } from './production/run.js';
import { SCENARIOS } from './production/scenarios/index.js';
import { head, keepResults, row } from './report.js';
import { runDrill } from './run.js';
import { DRILLS, drillNamed } from './scenarios/index.js';

const USAGE = `npm run drill -- [NAME ...] [--production] [--list] [--emails N] [--quick] [--stretch X]
  NAME        one or several drills, in this order; without a name all of them, one after another
  --production  the disasters of production: NAME is one of theirs, or NAME/DISASTER; without a name all of them
  --list      the drills and what each breaks
  --emails N  how many e-mails each submits, a third of each priority (default 300)
  --quick     short outages, as in CI
  --stretch X outages X times as long and the e-mails X times as far apart: on a machine with other work, times
              say something only when the system is not held up by it
`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    production: { type: 'boolean', default: false },
    list: { type: 'boolean', default: false },
    emails: { type: 'string', default: '300' },
    stretch: { type: 'string', default: '1' },
    quick: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
const emails = Number(values.emails);
const stretch = Number(values.stretch);
const isProduction = values.production || (positionals.length > 0 && positionals.every(isScenario));
const known = isProduction ? isScenario : (name: string) => DRILLS.some((drill) => drill.name === name);
const unknown = positionals.filter((name) => !known(name));
const write = (text: string) => process.stdout.write(`${text}\n`);

if (values.help) {
  write(USAGE);
} else if (values.list) {
  for (const [name, what] of isProduction ? productionList() : DRILLS.map(({ name, breaks }) => [name, breaks]))
    write(`${name!.padEnd(34)}  ${what}`);
} else if (unknown.length > 0 || !Number.isInteger(emails) || emails < 3 || !(stretch > 0)) {
  process.stderr.write(
    `drill: ${unknown.length > 0 ? `no drill ${unknown.join(', ')}` : '--emails is 3 or more, --stretch above 0'}\n`,
  );
  process.stderr.write(USAGE);
  process.exitCode = 2;
} else {
  endInOrder();
  const dataDir = process.env.DATA_DIR || fileURLToPath(new URL('../.data', import.meta.url));
  const cli = await findTemporalCli({ env: process.env, dataDir });
  const running = isProduction
    ? runDisasters(cli)
    : runAll(positionals.length > 0 ? positionals.map(drillNamed) : DRILLS, cli);
  const kept = await running.catch((error: unknown) => {
    if (!(error instanceof Interrupted)) throw error;
    return new Promise<never>(() => {}); // What is being ended is waited for, and the program ends after it.
  });
  process.exitCode = kept ? 0 : 1;
}

function isScenario(name: string): boolean {
  try {
    return choose([name]).length > 0;
  } catch {
    return false;
  }
}

function productionList(): string[][] {
  return SCENARIOS.flatMap(({ name, tries, disasters }) => [
    [name, tries],
    ...disasters.map((disaster) => [`${name}/${disaster.name}`, disaster.how]),
  ]);
}

/** Production's disasters, and one table in the end. @returns whether every promise was kept. */
async function runDisasters(cli: string): Promise<boolean> {
  const results = keepResults(new Date());
  const say = (what: string, sentence: string) => process.stderr.write(`${what}: ${sentence}\n`);
  const options = { emails, quick: values.quick, stretch, cli, say, keepEvidence: results.keepEvidence };
  const rows = await runProduction(choose(positionals), options, (row) => {
    results.keep(row);
    say(row.what, row.skipped ? `skipped: ${row.skipped}` : 'done');
  });
  write(`${table(rows)}\n\nResults: ${results.file}`);
  return rows.every(({ outcome }) => (outcome?.broken.length ?? 0) === 0);
}

/** @returns whether every promise was kept. */
async function runAll(drills: readonly Drill[], cli: string): Promise<boolean> {
  const results = keepResults(new Date());
  let kept = true;
  write(head());
  for (const drill of drills) {
    const say = (sentence: string) => process.stderr.write(`${drill.name}: ${sentence}\n`);
    const result = await runDrill(drill, { emails, quick: values.quick, stretch, cli, say }, (world, count) =>
      results.keepEvidence(drill.name, world, count),
    );
    results.keep(result);
    write(row(result));
    kept &&= result.broken.length === 0;
  }
  write(`\nResults: ${results.file}`);
  return kept;
}

/** An interrupted run leaves nothing behind. A terminal's Ctrl-C comes twice: from the terminal, and through tsx. */
function endInOrder(): void {
  let ending = false;
  for (const [signal, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const) {
    process.on(signal, () => {
      if (!ending) void Parts.endAll().finally(() => process.exit(code));
      ending = true;
    });
  }
}
