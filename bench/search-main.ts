/**
 * Measures searching among many e-mails, and what the indexes for it cost each e-mail that is accepted, before and after
 * in one run. The figures of `docs/data.md` come from here.
 *
 *     npx tsx bench/search-main.ts [--emails 10000000] [--rounds 10] [--keep FOLDER]
 *
 * With `--keep` the e-mails stay there, and the next run finds them. Ten million take about 10 GB.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { sql } from 'kysely';
import { freePort } from '../src/dev/ports.js';
import { removePostgresHome, startPostgres } from '../src/dev/postgres/server.js';
import { SEARCH_INDEXES } from '../src/domain/search/indexes.js';
import { openDatabase } from '../src/postgres/database.js';
import { migrate } from '../src/postgres/migrate.js';
import { short, table } from './harness/figures.js';
import { circumstances, keep, say } from './results.js';
import { compareAcceptance } from './search/acceptance.js';
import { dropIndexes, fillOnce, LARGE, open } from './search/filled.js';
import { askAll } from './search/queries.js';

const { values } = parseArgs({
  options: {
    emails: { type: 'string', default: '10000000' },
    rounds: { type: 'string', default: '10' },
    keep: { type: 'string' },
  },
});
const count = Number(values.emails);
const about = circumstances();

const home = values.keep ?? mkdtempSync(join(tmpdir(), 'tempost-bench-'));
mkdirSync(home, { recursive: true, mode: 0o711 });
const server = await startPostgres({ home, port: await freePort(), settings: LARGE });
try {
  const migrated = open(server.url);
  await migrate(migrated);
  await migrated.destroy();
  await fillOnce(server.url, count);
  const beforeUrl = await copyWithoutIndexes();
  const db = openDatabase({ url: server.url, poolSize: 4, name: 'bench', logger: { warn: () => {} } });
  const asked = await askAll(db, count, 100);
  await db.destroy();
  print(
    'question',
    ['p50 ms', 'p95 ms', 'worst', 'found'],
    asked.map(({ name, p50, p95, worst, found, more }) => [
      name,
      short(p50),
      short(p95),
      short(worst),
      `${found}${more ? ', more' : ''}`,
    ]),
  );
  const variants = [
    { name: 'without indexes', url: beforeUrl },
    { name: 'with indexes', url: server.url },
  ];
  const costs = await compareAcceptance(variants, server.pid, { rounds: Number(values.rounds), emails: 1_000 });
  print(
    '',
    ['e-mails/s', 'PostgreSQL ms', 'Node ms', 'WAL bytes', 'p50 ms', 'p95 ms'],
    costs.map((cost) => [
      cost.name,
      short(cost.emailsPerS),
      short(cost.postgresCpuMs),
      short(cost.nodeCpuMs),
      short(cost.walBytes),
      short(cost.p50),
      short(cost.p95),
    ]),
  );
  process.stdout.write(`Results: ${keep('search.json', { ...about, count, asked, costs, sizes: await sizes() })}\n`);
} finally {
  await server.stop();
  if (!values.keep) {
    removePostgresHome(home);
    rmSync(home, { recursive: true, force: true });
  }
}

/** A copy of it as it was before. @returns its address. */
async function copyWithoutIndexes(): Promise<string> {
  const url = new URL(server.url);
  const from = url.pathname.slice(1);
  url.pathname = '/before';
  const admin = open(Object.assign(new URL(server.url), { pathname: '/postgres' }).href);
  await sql`drop database if exists before with (force)`.execute(admin);
  say('copying');
  await sql`create database before template ${sql.ref(from)}`.execute(admin);
  await admin.destroy();
  const db = open(url.href);
  await dropIndexes(db);
  await db.destroy();
  return url.href;
}

/** Bytes an e-mail, by index. */
async function sizes(): Promise<Record<string, number>> {
  const db = open(server.url);
  const { rows } = await sql<{ name: string; bytes: number }>`
    select p.inhparent::regclass::text as name, sum(pg_relation_size(p.inhrelid))::int8 as bytes
    from pg_inherits p where p.inhparent::regclass::text = any(${SEARCH_INDEXES.map(({ name }) => name)}) group by 1`.execute(
    db,
  );
  await db.destroy();
  return Object.fromEntries(rows.map(({ name, bytes }) => [name, bytes / count]));
}

function print(first: string, heads: readonly string[], rows: readonly (readonly string[])[]): void {
  process.stdout.write(`${table([[first, ...heads], ...rows])}\n\n`);
}
