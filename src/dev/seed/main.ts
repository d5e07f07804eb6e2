import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { openDatabase } from '../../postgres/database.js';
import { readAddresses } from '../run-state.js';
import { loadEnvFile } from '../settings.js';
import { table } from '../table.js';
import { reasonsAgainst } from './guard.js';
import { seed } from './write.js';

const USAGE = `npm run seed -- COUNT [--days N] [--yes]
  COUNT     how many e-mails to write into the database of the running "npm start", with all that belongs to them
  --days N  of so many past days (default 7)
  --yes     even where it looks as if somebody's own e-mails were in it
`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    days: { type: 'string', default: '7' },
    yes: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
const count = Number(positionals[0]);
const days = Number(values.days);

async function main(): Promise<void> {
  loadEnvFile();
  const dataDir = resolve(process.env.DATA_DIR || '.data');
  const addresses = readAddresses(dataDir);
  if (!addresses) throw new Error(`Nothing runs on ${dataDir}: start it with "npm start", and wait for its table.`);
  const url = addresses.database;
  // A statement of it may take long on a busy machine: its silence is no sign of a dead connection.
  const db = openDatabase({ url, poolSize: 3, name: 'seed', silenceMs: 0, logger: { warn: () => {} } });
  try {
    const reasons = await reasonsAgainst(addresses, db, process.env);
    if (reasons.length > 0 && !values.yes) {
      throw new Error(`Nothing was written.\n${reasons.join('\n')}\nIf that is what you want, repeat it with --yes.`);
    }
    const startedAt = Date.now();
    // Whoever sends by real providers gets nothing that would be sent.
    const inWork = addresses.sandbox !== undefined;
    const onProgress = (written: number) => process.stderr.write(`\r${written} of ${count}`);
    const seeded = await seed(db, { count, days, inWork, onProgress });
    process.stderr.write('\n');
    console.log(`\nWritten in ${((Date.now() - startedAt) / 1000).toFixed(1)} s:\n`);
    console.log(table(Object.entries(seeded).map(([name, rows]) => [name, String(rows)])));
    if (!inWork) console.log('\nNothing that would be sent: it sends by real providers.');
  } finally {
    await db.destroy();
  }
}

if (values.help || !Number.isInteger(count) || count < 1 || !Number.isInteger(days) || days < 1 || days > 365) {
  process.stderr.write(USAGE);
  process.exitCode = values.help ? 0 : 2;
} else {
  main().catch((error: Error) => {
    process.stderr.write(`${error.message}\n`);
    process.exitCode = 1;
  });
}
