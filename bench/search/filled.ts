import { sql } from 'kysely';
import { SEARCH_INDEXES } from '../../src/domain/search/indexes.js';
import { type Db, openDatabase } from '../../src/postgres/database.js';
import { completeMonthIndexes } from '../../src/postgres/month-index.js';
import { ensurePartitions } from '../../src/postgres/partitions.js';
import { say } from '../results.js';
import { fillEmails } from './fill.js';

const DAYS = 29;
const DAY_MS = 86_400_000;

/** Settings of a PostgreSQL that holds ten million e-mails. */
export const LARGE = {
  max_wal_size: '8GB',
  shared_buffers: '1GB',
  maintenance_work_mem: '512MB',
  checkpoint_timeout: '30min',
};

/** A connection whose statements may take as long as they take. */
export const open = (url: string): Db =>
  openDatabase({
    url: `${url}?options=-c%20statement_timeout%3D0`,
    poolSize: 1,
    name: 'bench',
    silenceMs: 0,
    logger: { warn: () => {} },
  });

/** Fills a migrated database with so many e-mails, unless an earlier run has. */
export async function fillOnce(url: string, count: number): Promise<void> {
  const db = open(url);
  const { rows } = await sql<{ there: boolean }>`select to_regclass('bench_clients') is not null as there`.execute(db);
  if (!rows[0]!.there) {
    await ensurePartitions(db, new Date(Date.now() - (DAYS + 1) * DAY_MS));
    await dropIndexes(db);
    await fillEmails(() => open(url), { count, days: DAYS }, say);
    for (const { name, table: of, covers } of SEARCH_INDEXES) {
      await sql.raw(`create index ${name} on only ${of} ${covers}`).execute(db);
    }
    await completeMonthIndexes(db, SEARCH_INDEXES);
    for (const of of ['emails', 'email_events', 'send_attempts'])
      await sql`vacuum analyze ${sql.table(of)}`.execute(db);
  }
  await db.destroy();
}

export async function dropIndexes(db: Db): Promise<void> {
  for (const { name } of SEARCH_INDEXES) await sql`drop index ${sql.ref(name)}`.execute(db);
}
