import { type Kysely, sql } from 'kysely';

/** How large the database was, once a day: what its growth is told by. */
export async function up(db: Kysely<any>): Promise<void> {
  await sql`create table disk_samples (
    day date primary key,
    at timestamptz not null,
    bytes bigint not null
  )`.execute(db);
}
