import { type Kysely, sql } from 'kysely';

/**
 * What has been taken out of the schema, and which migration a process must know to do without it. A release that is too
 * old for this database learns it here, at its start, instead of failing in the midst of its work.
 */
export async function up(db: Kysely<any>): Promise<void> {
  await sql`create table schema_contracts (
    migration text not null,
    needs text not null,
    because text not null,
    at timestamptz not null default clock_timestamp(),
    primary key (migration, needs)
  )`.execute(db);
}
