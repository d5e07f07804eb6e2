import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type Migration, Migrator, sql } from 'kysely';
import { afterEach, describe, expect, it } from 'vitest';
import { findClientByKey } from '../src/domain/clients/keys.js';
import { maySend } from '../src/domain/clients/senders.js';
import { type Db, openDatabase } from '../src/postgres/database.js';
import { ensurePartitions, uuidFloor } from '../src/postgres/partitions.js';
import { createEmptyDatabase } from './support/database.js';

const folder = fileURLToPath(new URL('../migrations', import.meta.url));
const TABLES = ['attachments', 'email_events', 'emails', 'send_attempts'];

/** Kysely's own provider imports natively; here only Vitest knows TypeScript. */
const provider = {
  async getMigrations(): Promise<Record<string, Migration>> {
    const names = readdirSync(folder).map((file) => file.replace(/\.ts$/, ''));
    const modules = names.map(async (name) => [name, await import(`${folder}/${name}.ts`)] as const);
    return Object.fromEntries(await Promise.all(modules));
  },
};

let end: (() => Promise<void>) | undefined;
afterEach(() => end?.());

/** A database of the test's own, brought to the named migration, or to the newest. */
async function migratedTo(target?: string): Promise<{ db: Db; migrate: (to?: string) => Promise<string[]> }> {
  const { url, drop } = await createEmptyDatabase();
  const db = openDatabase({ url, poolSize: 4, name: 'test', logger: { warn: () => {} } });
  end = async () => {
    await db.destroy();
    await drop();
  };
  const migrate = async (to?: string) => {
    const migrator = new Migrator({ db, provider });
    const { error, results } = to ? await migrator.migrateTo(to) : await migrator.migrateToLatest();
    if (error) throw error;
    return (results ?? []).map((result) => result.migrationName);
  };
  await migrate(target);
  return { db, migrate };
}

/** The months (`yyyymm`, or `default`) that a table has partitions for. */
async function monthsOf(db: Db, table: string): Promise<string[]> {
  const { rows } = await sql<{ leaf: string }>`select inhrelid::regclass::text as leaf from pg_inherits
    where inhparent = ${table}::regclass order by 1`.execute(db);
  return rows.map(({ leaf }) => leaf.slice(table.length + 1));
}

const monthAfter = (at: Date, months: number) => new Date(Date.UTC(at.getUTCFullYear(), at.getUTCMonth() + months, 15));
const suffixOf = (at: Date) => at.toISOString().slice(0, 7).replace('-', '');

/** An id of the given moment, different for each `n`. */
const idAt = (at: Date, n = 1) => uuidFloor(at).slice(0, -4) + n.toString(16).padStart(4, '0');

/** An e-mail with an event, an attempt and an attachment, in the columns that the first release has. */
async function insertEmail(db: Db, id: string): Promise<void> {
  await sql`insert into emails (id, client_id, priority, sender, receiver, receiver_address, subject, content,
      content_type, status, created_at, due_at, deadline_at)
    values (${id}, uuidv7(), 'low', 'sender@example.com', 'reader@example.org', 'reader@example.org', 'Subject',
      'Content', 'text/plain', 'sent', now(), now(), now())`.execute(db);
  await sql`insert into email_events (email_id, event_key, type, generation, occurred_at)
    values (${id}, 'tempost:g1:queued', 'queued', 1, now())`.execute(db);
  await sql`insert into send_attempts (email_id, generation, attempt, provider, state, started_at, call_until)
    values (${id}, 1, 1, 'mailgun', 'accepted', now(), now())`.execute(db);
  await sql`insert into attachments (email_id, filename, content_type, size_bytes, sha256)
    values (${id}, 'a.txt', 'text/plain', 1, 'ff')`.execute(db);
}

/** The partition that holds an e-mail's row in a table. */
async function leafOf(db: Db, table: string, id: string): Promise<string | undefined> {
  const column = table === 'emails' ? 'id' : 'email_id';
  const { rows } = await sql<{ leaf: string }>`select tableoid::regclass::text as leaf from ${sql.table(table)}
    where ${sql.ref(column)} = ${id}`.execute(db);
  return rows[0]?.leaf;
}

async function nowOf(db: Db): Promise<Date> {
  return (await sql<{ now: Date }>`select now()`.execute(db)).rows[0]!.now;
}

describe('from an empty database', () => {
  it('makes partitions for this month and the next three, and one for whatever else', async () => {
    const { db } = await migratedTo();
    const now = await nowOf(db);
    const expected = [...[0, 1, 2, 3].map((months) => suffixOf(monthAfter(now, months))), 'default'];
    for (const table of TABLES) expect(await monthsOf(db, table), table).toEqual(expected);
  });

  it('puts every row of an e-mail into the partition of its month; none into the default ones', async () => {
    const { db } = await migratedTo();
    const now = await nowOf(db);
    for (const months of [0, 1, 2, 3]) {
      const month = monthAfter(now, months);
      const id = idAt(month);
      await insertEmail(db, id);
      for (const table of TABLES) expect(await leafOf(db, table, id)).toBe(`${table}_${suffixOf(month)}`);
    }
    const { rows } = await sql<{ id: string }>`select uuidv7() as id`.execute(db);
    await insertEmail(db, rows[0]!.id);
    for (const table of TABLES) {
      const rest = await sql<{ n: number }>`select count(*) as n from ${sql.table(`${table}_default`)}`.execute(db);
      expect(rest.rows[0]!.n, table).toBe(0);
    }
  });

  it('keeps what no month is there for, rather than refusing it', async () => {
    const { db } = await migratedTo();
    const id = idAt(monthAfter(await nowOf(db), 9));
    await insertEmail(db, id);
    expect(await leafOf(db, 'emails', id)).toBe('emails_default');
  });

  it('can be repeated, and by several at once', async () => {
    const { db, migrate } = await migratedTo();
    expect(await migrate()).toEqual([]);
    expect(await ensurePartitions(db)).toEqual([]);
    const later = monthAfter(await nowOf(db), 4);
    const made = await Promise.all([1, 2, 3].map(() => ensurePartitions(db, later)));
    expect(made.flat().sort()).toEqual([0, 1, 2, 3].map((months) => suffixOf(monthAfter(later, months))));
  });
});

describe('a partition made later', () => {
  it('holds to what the tables promise: known e-mails only, one open attempt', async () => {
    const { db } = await migratedTo();
    const later = monthAfter(await nowOf(db), 6);
    await ensurePartitions(db, later);
    const id = idAt(later);
    const attempt = (n: number) =>
      sql`insert into send_attempts
        (email_id, generation, attempt, provider, state, started_at, call_until)
      values (${id}, 1, ${n}, 'mailgun', 'calling', now(), now())`.execute(db);
    await expect(attempt(1)).rejects.toThrow(/foreign key/);
    await insertEmail(db, id);
    await attempt(2);
    await expect(attempt(3)).rejects.toThrow(/unique/);
  });
});

describe('a month that has served its time', () => {
  it('is dropped as a whole, and takes nothing else along', async () => {
    const { db } = await migratedTo();
    const now = await nowOf(db);
    const old = monthAfter(now, -13);
    await ensurePartitions(db, old);
    await insertEmail(db, idAt(old));
    await insertEmail(db, idAt(now));
    const leaves = TABLES.map((table) => `${table}_${suffixOf(old)}`);

    // The e-mails cannot go before what hangs on them …
    await expect(sql`drop table ${sql.table(`emails_${suffixOf(old)}`)}`.execute(db)).rejects.toThrow(/depend/);
    // … but all of a month together, or leaf by leaf with the e-mails last.
    for (const leaf of leaves.filter((name) => !name.startsWith('emails_'))) {
      await sql`drop table ${sql.table(leaf)}`.execute(db);
    }
    await sql`drop table ${sql.table(`emails_${suffixOf(old)}`)}`.execute(db);

    for (const table of TABLES) {
      expect(await leafOf(db, table, idAt(old))).toBeUndefined();
      expect(await leafOf(db, table, idAt(now))).toBe(`${table}_${suffixOf(now)}`);
      expect(await monthsOf(db, table)).not.toContain(suffixOf(old));
    }
  });
});

describe('from the release before', () => {
  it('keeps what is in the database, and can be written to as before', async () => {
    const { db, migrate } = await migratedTo('0001-record');
    const id = idAt(await nowOf(db));
    await insertEmail(db, id);
    await sql`insert into clients (name) values ('before')`.execute(db);
    await sql`insert into email_queue (email_id, priority, generation, state, due_at)
      values (${id}, 'low', 1, 'handed_over', now())`.execute(db);
    await sql`insert into dead_emails (email_id, generation, reason) values (${id}, 1, 'ambiguous')`.execute(db);
    const before = await everythingOf(db, id);

    expect(await migrate()).not.toEqual([]);

    const after = await everythingOf(db, id);
    for (const [table, row] of Object.entries(before)) expect(after[table], table).toMatchObject(row);
    // What still runs the release before writes without the new columns.
    await insertEmail(db, idAt(await nowOf(db), 2));
    await sql`insert into clients (name) values ('meanwhile')`.execute(db);
    await sql`insert into dead_emails (email_id, generation, reason) values (${id}, 2, 'ambiguous')`.execute(db);
  });

  it('a final status that somebody had added as a row ends workflows as it did, and does nothing new', async () => {
    const { db, migrate } = await migratedTo('0007-keys-and-calls');
    const names = async () => (await sql<{ name: string }>`select name from statuses order by rank`.execute(db)).rows;
    const seeded = await names();
    await sql`insert into statuses (name, rank, preference, survives, final, description)
      values ('replied', 87, 195, true, true, ''), ('postponed', 51, 155, true, false, '')`.execute(db);
    await migrate();
    const added = await db.selectFrom('statuses').selectAll().where('name', 'in', ['replied', 'postponed']).execute();
    const plain = { trouble: false, retryable: false, told: false, unheard: false, provider_events: [] };
    const signalOf = Object.fromEntries(added.map(({ name, signal }) => [name, signal]));
    expect(signalOf).toEqual({ replied: 'over', postponed: null });
    for (const row of added) expect(row).toMatchObject(plain);
    expect(seeded).toHaveLength(16);
    expect(await names()).toEqual(expect.arrayContaining(seeded));
  });
});

/** The rows of one e-mail, and of the client, as they are. */
async function everythingOf(db: Db, id: string): Promise<Record<string, Record<string, unknown>>> {
  const tables: [string, string][] = [
    ['emails', 'id'],
    ...['attachments', 'email_events', 'send_attempts', 'email_queue', 'dead_emails'].map((table): [string, string] => [
      table,
      'email_id',
    ]),
  ];
  const found: Record<string, Record<string, unknown>> = {};
  for (const [table, column] of tables) {
    const { rows } = await sql<Record<string, unknown>>`select * from ${sql.table(table)}
      where ${sql.ref(column)} = ${id}`.execute(db);
    found[table] = rows[0]!;
  }
  found.clients = (await sql<Record<string, unknown>>`select * from clients where name = 'before'`.execute(db))
    .rows[0]!;
  return found;
}

describe('an upgrade from keys without scopes', () => {
  it('takes no right from anybody, and understands what the release before goes on writing', async () => {
    const { db, migrate } = await migratedTo('0008-status-rules');
    const insertOld = async (name: string) => {
      await sql`insert into clients (name) values (${name})`.execute(db);
      for (const operator of [false, true]) {
        await sql`insert into api_keys (client_id, key_hash, prefix, operator)
          select id, sha256(${`${name} ${operator}`}::bytea), 'k', ${operator} from clients where name = ${name}`.execute(
          db,
        );
      }
    };
    await insertOld('before');
    await migrate('0010-rate-limits');
    await insertOld('meanwhile');
    for (const name of ['before', 'meanwhile']) {
      const own = await findClientByKey(db, `${name} false`);
      expect(own).toMatchObject({
        role: null,
        scopes: ['send', 'read', 'suppressions'],
        rates: { send: null, read: null },
      });
      expect(await findClientByKey(db, `${name} true`)).toMatchObject({ role: 'admin', operator: true });
      expect(await maySend(db, own!.id, 'anybody@example.com')).toBe(true);
    }
  });
});
