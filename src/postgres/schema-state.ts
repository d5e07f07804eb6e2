import { DEFAULT_MIGRATION_TABLE, sql } from 'kysely';
import type { Db } from './database.js';

/** How the database's schema stands to a release. */
export interface SchemaState {
  /** Migrations of the release that the database has not. */
  readonly pending: readonly string[];
  /** Migrations that the database has and the release does not know: a newer release ran them. */
  readonly newer: readonly string[];
  /** What a newer release has taken away and this one still needs. */
  readonly blocks: readonly { readonly migration: string; readonly needs: string }[];
}

/** The schema is too old or too new for this release; the message says what to do. */
export class SchemaError extends Error {
  override readonly name = 'SchemaError';
}

/**
 * Looks how the schema stands to a release; one statement more than usual where a newer release has migrated.
 *
 * @param known the release's migrations, sorted.
 * @throws when the database does not answer.
 */
export async function readSchemaState(db: Db, known: readonly string[]): Promise<SchemaState> {
  const { rows } = await sql<{ exists: boolean; contracts: boolean }>`
    select to_regclass(${DEFAULT_MIGRATION_TABLE}) is not null as exists,
      to_regclass('schema_contracts') is not null as contracts`.execute(db);
  if (!rows[0]?.exists) return { pending: known, newer: [], blocks: [] };
  const applied = await sql<{ name: string }>`select name from ${sql.table(DEFAULT_MIGRATION_TABLE)}`.execute(db);
  const names = new Set(applied.rows.map((row) => row.name));
  const ours = new Set(known);
  const newer = [...names].filter((name) => !ours.has(name)).sort();
  const blocks = newer.length === 0 || !rows[0].contracts ? [] : await readBlocks(db, ours);
  return { pending: known.filter((name) => !names.has(name)), newer, blocks };
}

async function readBlocks(db: Db, known: ReadonlySet<string>): Promise<SchemaState['blocks']> {
  const { rows } = await sql<{ migration: string; needs: string }>`
    select migration, needs from schema_contracts order by migration, needs`.execute(db);
  return rows.filter(({ needs }) => !known.has(needs));
}

/**
 * @param known the release's migrations, sorted.
 * @returns migrations of a newer release, which this one can work with.
 * @throws SchemaError when this release cannot work with the schema.
 */
export function assertUsable({ pending, newer, blocks }: SchemaState, known: readonly string[]): readonly string[] {
  const [block] = blocks;
  if (block) {
    throw new SchemaError(
      `The database is newer than this release can work with: ${block.migration} took away what releases before ` +
        `${block.needs} need, and this one knows no more than ${known.at(-1)}. Start a release that knows it.`,
    );
  }
  if (newer.length > 0 && pending.length > 0) {
    throw new SchemaError(
      `A newer release has migrated the database, and this one has migrations that it lacks (${pending.join(', ')}): ` +
        'they are of two branches. Start the newer release.',
    );
  }
  if (pending.length > 0) {
    throw new SchemaError(
      `The database is not migrated (missing: ${pending.join(', ')}). Run "npm run migrate" of this release first.`,
    );
  }
  return newer;
}
