import { type Kysely, sql } from 'kysely';

/**
 * E-mails with both bodies, headers of their own, and opens that are not to be tracked. All of it is null for an e-mail
 * that has nothing of it, and costs it nothing: the release before writes such e-mails and reads all others as what
 * they are without.
 */
export async function up(db: Kysely<any>): Promise<void> {
  const run = (statement: string) => sql.raw(statement).execute(db);

  await run(`alter table emails
    add column alternative text,
    add column headers jsonb,
    add column track_opens boolean`);
  await run(`alter table clients add column track_opens boolean not null default true`);
}
