import { promises as fs } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { FileMigrationProvider, type Migration, sql } from 'kysely';
import type { Contract } from './contract.js';
import type { Db } from './database.js';
import { runMigrations } from './run-migrations.js';
import { assertUsable, readSchemaState } from './schema-state.js';

const folder = fileURLToPath(new URL('../../migrations', import.meta.url));
const files = new FileMigrationProvider({ fs, path, migrationFolder: folder });

/** A migration's file, as far as this reads it. */
type MigrationFile = Migration & { readonly contracts?: readonly Contract[] };

/** By name, both sorted. */
export interface Migrated {
  /** The migrations that ran now. */
  readonly ran: readonly string[];
  /** Those of a newer release, with which this one can work. */
  readonly newer: readonly string[];
}

/**
 * Brings the database to the newest schema, beside traffic; several processes may try at once, one does it. A database that a newer
 * release has migrated is left as it is: that is what a roll-back finds.
 *
 * @throws SchemaError when this release cannot work with what a newer one made of it; whatever the failing migration threw,
 * those before it stay applied.
 */
export async function migrate(db: Db): Promise<Migrated> {
  const known = await knownMigrations();
  const state = await readSchemaState(db, known);
  if (state.newer.length > 0) return { ran: [], newer: assertUsable(state, known) };
  const ran = await runMigrations(db, { getMigrations: async () => withContracts(await files.getMigrations()) });
  return { ran, newer: [] };
}

/** Migrations that write down what they take away, in the transaction in which they do. */
export function withContracts(migrations: Record<string, MigrationFile>): Record<string, Migration> {
  const entries = Object.entries(migrations).map(([name, migration]): [string, Migration] => {
    const { contracts = [] } = migration;
    if (contracts.length === 0) return [name, migration];
    const up: Migration['up'] = async (db) => {
      await migration.up(db);
      for (const { expandedBy, because } of contracts) {
        await sql`insert into schema_contracts (migration, needs, because)
          values (${name}, ${expandedBy}, ${because}) on conflict do nothing`.execute(db);
      }
    };
    return [name, { up }];
  });
  return Object.fromEntries(entries);
}

/** What `read` answers first, for as long as the process lives; a failure is not kept. */
export function fixedAtFirst<T>(read: () => Promise<T>): () => Promise<T> {
  let first: Promise<T> | undefined;
  return () => {
    first ??= read().catch((error) => {
      first = undefined;
      throw error;
    });
    return first;
  };
}

/**
 * The migrations of this release, the first one first; by name, without loading them. What a process knows is fixed when
 * it first asks, at its start: an upgrade puts those of the next release in their place while it runs.
 *
 * @throws when they cannot be read.
 */
export const knownMigrations = fixedAtFirst<readonly string[]>(readNames);

async function readNames(): Promise<string[]> {
  const names = await fs.readdir(folder);
  return names
    .filter((file) => /(?<!\.d)\.[jt]s$/.test(file))
    .map((file) => path.parse(file).name)
    .sort();
}

/** What speaks against working with this database. @throws when it does not answer. */
export async function faultOfDatabase(db: Db): Promise<'database_not_migrated' | 'database_too_new' | undefined> {
  const { pending, blocks } = await readSchemaState(db, await knownMigrations());
  if (pending.length > 0) return 'database_not_migrated';
  return blocks.length > 0 ? 'database_too_new' : undefined;
}

/**
 * For the start of a process.
 *
 * @returns migrations of a newer release that the database has, and with which this one can work.
 * @throws SchemaError saying what to do; anything else when the database does not answer.
 */
export async function assertMigrated(db: Db): Promise<readonly string[]> {
  const known = await knownMigrations();
  return assertUsable(await readSchemaState(db, known), known);
}
