import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Migration, sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openDatabase } from '../src/postgres/database.js';
import { faultOfDatabase, fixedAtFirst, knownMigrations, migrate, withContracts } from '../src/postgres/migrate.js';
import { pauseMs, runMigrations } from '../src/postgres/run-migrations.js';
import { assertUsable, readSchemaState } from '../src/postgres/schema-state.js';
import { createEmptyDatabase, createTestDatabase, type TestDatabase } from './support/database.js';
import { patient } from './support/patience.js';
import { freePort } from './support/ports.js';
import { until } from './support/until.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const PROCESSES = ['api', 'webhooks', 'dispatcher', 'worker --priority critical', 'worker --priority low'];

/** What a process writes, and how it ends, on a database and with no Temporal. */
async function start(databaseUrl: string, command: string): Promise<{ code: number | null; says: string }> {
  const [name, ...args] = command.split(' ');
  const env = {
    PATH: process.env.PATH,
    DATABASE_URL: databaseUrl,
    TEMPORAL_ADDRESS: '127.0.0.1:1',
    API_PORT: String(await freePort()),
    WEBHOOKS_PORT: String(await freePort()),
    PROVIDERS: 'smtp',
    SMTP_URL: 'smtp://127.0.0.1:1',
    STORAGE_DIR: '/nowhere',
  };
  return run(env, `src/${name}/main.js`, ...args);
}

function run(
  env: NodeJS.ProcessEnv,
  script: string,
  ...args: string[]
): Promise<{ code: number | null; says: string }> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [`${root}dist/${script}`, ...args], { env });
    let says = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (piece) => (says += String(piece)));
    child.on('close', (code) => resolve({ code, says }));
  });
}

const migrateCommand = (databaseUrl: string) =>
  run({ PATH: process.env.PATH, DATABASE_URL: databaseUrl }, 'src/postgres/migrate-main.js');

/** As if a newer release had migrated. */
async function addNewer({ db }: TestDatabase, name: string): Promise<void> {
  await sql`insert into kysely_migration (name, timestamp) values (${name}, ${new Date().toISOString()})`.execute(db);
}

const usableBy = async (db: TestDatabase['db'], known: readonly string[]) =>
  assertUsable(await readSchemaState(db, known), known);

describe('a schema that is older than the release', () => {
  it('is said by every process at its start, with the command', { timeout: patient(60_000) }, async () => {
    const { url, drop } = await createEmptyDatabase();
    const ends = await Promise.all(PROCESSES.map(async (name) => ({ name, ...(await start(url, name)) })));
    await drop();
    for (const { name, code, says } of ends) {
      expect(code, name).toBe(1);
      expect(says, name).toMatch(/The database is not migrated \(missing: 0001-record, .*npm run migrate/);
    }
  });
});

describe('a schema that is newer than the release', () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await createTestDatabase();
    await addNewer(database, '9001-later');
  });
  afterAll(() => database?.drop());

  it('is worked with when nothing was taken away, and left as it is by its migrations', async () => {
    const { db, url } = database;
    expect(await faultOfDatabase(db)).toBeUndefined();
    expect(await usableBy(db, await knownMigrations())).toEqual(['9001-later']);
    expect(await migrate(db)).toEqual({ ran: [], newer: ['9001-later'] });
    const { code, says } = await migrateCommand(url);
    expect([code, says]).toEqual([
      0,
      'A newer release has migrated the database (9001-later); this one works with it.\n',
    ]);
  });

  it('of another branch is refused, and nobody is told to migrate, which could not help', async () => {
    const branch = [...(await knownMigrations()), '9000-of-another-branch'];
    await expect(usableBy(database.db, branch)).rejects.toThrow(
      /lacks \(9000-of-another-branch\): they are of two branches. Start the newer release/,
    );
  });

  it('is refused by every process once what it needs is gone', { timeout: patient(60_000) }, async () => {
    const { db, url } = database;
    await addNewer(database, '9002-contract');
    await sql`insert into schema_contracts (migration, needs, because)
      values ('9002-contract', '9001-later', 'nobody reads it')`.execute(db);
    expect(await faultOfDatabase(db)).toBe('database_too_new');
    const all = [...PROCESSES.map((name) => start(url, name)), migrateCommand(url)];
    for (const { code, says } of await Promise.all(all)) {
      expect(code).toBe(1);
      expect(says).toMatch(
        /newer than this release can work with: 9002-contract took away what releases before 9001-later/,
      );
    }
  });
});

it('what a process knows is fixed at its start, whatever an upgrade puts in its place; a failure is not kept', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'tempost-'));
  await rm(folder, { recursive: true });
  const known = fixedAtFirst(() => readdir(folder));
  await expect(known()).rejects.toThrow('ENOENT');
  await mkdir(folder);
  await writeFile(path.join(folder, '0001-first'), '');
  expect(await known()).toEqual(['0001-first']);
  await writeFile(path.join(folder, '0002-of-the-next-release'), '');
  expect(await known()).toEqual(['0001-first']);
  await rm(folder, { recursive: true });
  expect(await knownMigrations()).toBe(await knownMigrations());
});

describe('a contract step', () => {
  it('is written down with what it takes away, or neither happens', async () => {
    const { url, drop } = await createEmptyDatabase();
    const db = openDatabase({ url, poolSize: 2, name: 'test', logger: { warn: () => {} } });
    const expand: Migration = {
      up: async (schema) => {
        await sql`create table schema_contracts (migration text, needs text, because text not null,
          primary key (migration, needs))`.execute(schema);
        await sql`create table mail (id int, old text, new text)`.execute(schema);
      },
    };
    const contracts = [{ statement: 'drop column old', expandedBy: '0001-expand', because: 'new holds it' }];
    const contract = { up: (schema: typeof db) => sql`alter table mail drop column old`.execute(schema), contracts };
    const migrations = { '0001-expand': expand, '0002-contract': contract as never };
    // What is written down cannot be, so nothing is taken away either.
    const nameless = { ...contract, contracts: [{ ...contracts[0]!, because: null as never }] } as never;
    const readContracts = () => sql`select migration, needs, because from schema_contracts`.execute(db);
    await runMigrations(db, { getMigrations: async () => ({ '0001-expand': expand }) });
    const bad = { ...migrations, '0002-contract': nameless };
    await expect(runMigrations(db, { getMigrations: async () => withContracts(bad) })).rejects.toThrow(/null value/);
    expect((await readContracts()).rows).toEqual([]);
    await sql`select old from mail`.execute(db);
    expect(await runMigrations(db, { getMigrations: async () => withContracts(migrations) })).toEqual([
      '0002-contract',
    ]);
    expect((await readContracts()).rows).toEqual([
      { migration: '0002-contract', needs: '0001-expand', because: 'new holds it' },
    ]);
    // The release that only knows what came before the expanding one cannot go on; the expanding one can.
    await expect(usableBy(db, [])).rejects.toThrow(/releases before 0001-expand need/);
    expect(await usableBy(db, ['0001-expand'])).toEqual(['0002-contract']);
    await db.destroy();
    await drop();
  });
});

describe('migrations beside traffic', () => {
  it('may take longer than a statement of traffic may', async () => {
    const { url, drop } = await createEmptyDatabase();
    const db = openDatabase({ url, poolSize: 1, name: 'test', logger: { warn: () => {} } });
    const allowed: unknown[] = [];
    const looks: Migration = {
      up: async (schema) => {
        const { rows } = await sql`select current_setting('statement_timeout') as statement,
          current_setting('lock_timeout') as lock`.execute(schema);
        allowed.push(...rows);
      },
    };
    await runMigrations(db, { getMigrations: async () => ({ '1-looks': looks }) });
    expect(allowed).toEqual([{ statement: '0', lock: '1s' }]);
    await db.destroy();
    await drop();
  });

  it('leave it ever more time while something holds a table for long', () => {
    expect(Array.from({ length: 8 }, (_, tries) => pauseMs(tries))).toEqual([
      500, 1_000, 2_000, 4_000, 8_000, 16_000, 20_000, 20_000,
    ]);
  });

  it('let it pass, and are repeated when it was in their way; what ran before stays', async () => {
    const { url, drop } = await createEmptyDatabase();
    const db = openDatabase({ url, poolSize: 4, name: 'test', logger: { warn: () => {} } });
    const first: Migration = { up: async (schema) => void (await sql`create table mail (id int)`.execute(schema)) };
    const second: Migration = { up: async (schema) => void (await sql`alter table mail add n int`.execute(schema)) };
    await runMigrations(db, { getMigrations: async () => ({ '1-first': first }) });
    const repeated: string[] = [];
    const done = await db.transaction().execute(async (traffic) => {
      await sql`select from mail`.execute(traffic);
      const running = runMigrations(
        db,
        { getMigrations: async () => ({ '1-first': first, '2-second': second }) },
        (code) => repeated.push(code),
      );
      await until('the migration has stepped back', () => repeated.length > 0);
      return { running };
    });
    expect(await done.running).toEqual(['2-second']);
    expect(new Set(repeated)).toEqual(new Set(['55P03']));
    await sql`select n from mail`.execute(db);
    await db.destroy();
    await drop();
  });

  it('are repeated after a deadlock, of which they were the victim', async () => {
    const { url, drop } = await createEmptyDatabase();
    const db = openDatabase({ url, poolSize: 4, name: 'test', logger: { warn: () => {} } });
    let tries = 0;
    const meets: Migration = {
      up: async (schema) => {
        await sql`create table mail (id int)`.execute(schema);
        if (++tries < 3) throw Object.assign(new Error('deadlock detected'), { code: '40P01' });
      },
    };
    expect(await runMigrations(db, { getMigrations: async () => ({ '1-meets': meets }) })).toEqual(['1-meets']);
    expect(tries).toBe(3);
    await db.destroy();
    await drop();
  });
});
