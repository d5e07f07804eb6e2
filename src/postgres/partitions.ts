import { type Kysely, sql } from 'kysely';

/**
 * The large tables are range-partitioned by the e-mail's UUIDv7, one partition a month. Retention drops a month at
 * once; foreign keys go from leaf to leaf, because one to a partitioned parent would make its partitions undroppable.
 */
export const PARTITIONED = ['emails', 'attachments', 'email_events', 'send_attempts'] as const;

/** Months that exist ahead of the current one. `send_at` reaches 30 days, ids are made at acceptance: three is ample. */
const MONTHS_AHEAD = 3;

/** The smallest UUIDv7 of a moment: 48 bits of UTC milliseconds, version and variant, zeros. */
export function uuidFloor(at: Date): string {
  const hex = at.getTime().toString(16).padStart(12, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8)}-7000-8000-000000000000`;
}

const monthStart = (at: Date, offset: number) => new Date(Date.UTC(at.getUTCFullYear(), at.getUTCMonth() + offset, 1));
const suffixOf = (month: Date) => month.toISOString().slice(0, 7).replace('-', '');

/**
 * Creates and attaches the partitions of this month and the next three; existing ones are left alone.
 * A partition is made on its own and then attached: `create table … partition of` would queue behind every long
 * transaction, and everything else behind it.
 *
 * @param now the database's clock decides in production; tests may choose a month.
 * @returns the names of the months created, as `yyyymm`.
 */
export async function ensurePartitions(db: Kysely<any>, now?: Date): Promise<string[]> {
  const today = now ?? (await sql<{ now: Date }>`select now()`.execute(db)).rows[0]!.now;
  const created: string[] = [];
  for (let offset = 0; offset <= MONTHS_AHEAD; offset++) {
    const month = monthStart(today, offset);
    if (await createMonth(db, month, monthStart(today, offset + 1))) created.push(suffixOf(month));
  }
  return created;
}

async function createMonth(db: Kysely<any>, from: Date, to: Date): Promise<boolean> {
  const suffix = suffixOf(from);
  const create = async (trx: Kysely<any>) => {
    await sql`set local lock_timeout = '2s'`.execute(trx);
    // Two dispatchers may look after partitions at the same moment.
    await sql`select pg_advisory_xact_lock(hashtext('tempost.partitions'))`.execute(trx);
    const { rows } = await sql`select 1 from pg_class where relname = ${`emails_${suffix}`}`.execute(trx);
    if (rows.length > 0) return false;
    for (const table of PARTITIONED) {
      const leaf = `${table}_${suffix}`;
      // A status change rewrites an e-mail's row: free space keeps the update within its page (HOT).
      const fill = sql.raw(table === 'emails' ? 'with (fillfactor = 85)' : '');
      await sql`create table ${sql.table(leaf)} (like ${sql.table(table)} including all) ${fill}`.execute(trx);
      await sql`alter table ${sql.table(table)} attach partition ${sql.table(leaf)}
        for values from (${sql.lit(uuidFloor(from))}) to (${sql.lit(uuidFloor(to))})`.execute(trx);
    }
    await linkLeaves(trx, suffix);
    return true;
  };
  // Migrations call this inside of their own transaction.
  return db.isTransaction ? create(db) : db.transaction().execute(create);
}

/** Foreign keys between the partitions of one month (or the default ones). */
export async function linkLeaves(db: Kysely<any>, suffix: string): Promise<void> {
  for (const table of ['attachments', 'email_events', 'send_attempts']) {
    await sql`alter table ${sql.table(`${table}_${suffix}`)}
      add foreign key (email_id) references ${sql.table(`emails_${suffix}`)} (id)`.execute(db);
  }
}
