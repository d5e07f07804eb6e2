import { type Kysely, sql } from 'kysely';

/**
 * Who knows of a submission that the restored record lacks, and how far each could tell. The release before leaves both
 * out.
 */
export async function up(db: Kysely<any>): Promise<void> {
  await sql`alter table recovery_items add column sources text[] not null default '{}'`.execute(db);
  await sql`alter table recoveries add column sources jsonb`.execute(db);
}
