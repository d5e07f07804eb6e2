import { promises as fs } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { DEFAULT_MIGRATION_TABLE, FileMigrationProvider, Migrator, sql } from 'kysely';
import type { Db } from './database.js';

const folder = fileURLToPath(new URL('../../migrations', import.meta.url));

const migratorOf = (db: Db) =>
  new Migrator({ db, provider: new FileMigrationProvider({ fs, path, migrationFolder: folder }) });

/**
 * Brings the database to the newest schema; several processes may try at once, one does it.
 *
 * @returns the names of the migrations that ran now.
 * @throws whatever the failing migration threw; those before it stay applied.
 */
export async function migrate(db: Db): Promise<string[]> {
  const { error, results } = await migratorOf(db).migrateToLatest();
  if (error) throw error;
  return (results ?? []).filter((result) => result.status === 'Success').map((result) => result.migrationName);
}

/**
 * The migrations this release has and the database has not. By name, without loading them: readiness checks ask often.
 */
export async function pendingMigrations(db: Db): Promise<string[]> {
  const files = await fs.readdir(folder);
  const known = files.filter((file) => /(?<!\.d)\.[jt]s$/.test(file)).map((file) => path.parse(file).name);
  const { rows } = await sql<{
    exists: boolean;
  }>`select to_regclass(${DEFAULT_MIGRATION_TABLE}) is not null as exists`.execute(db);
  if (!rows[0]?.exists) return known.sort();
  const applied = await sql<{ name: string }>`select name from ${sql.table(DEFAULT_MIGRATION_TABLE)}`.execute(db);
  const names = new Set(applied.rows.map((row) => row.name));
  return known.filter((name) => !names.has(name)).sort();
}

/** For readiness: a code when the database lacks a migration of this release. @throws when it does not answer. */
export async function faultOfDatabase(db: Db): Promise<'database_not_migrated' | undefined> {
  return (await pendingMigrations(db)).length > 0 ? 'database_not_migrated' : undefined;
}
