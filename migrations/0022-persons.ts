import { type Kysely, sql } from 'kysely';

/**
 * Persons who sign in by OpenID Connect: each is a row among the keys, of a key that nobody has. The release before takes
 * them for keys that are not used.
 */
export async function up(db: Kysely<any>): Promise<void> {
  const run = (statement: string) => sql.raw(statement).execute(db);

  await run(`create table persons (
    key_id uuid primary key references api_keys (id) on delete cascade,
    issuer text not null,
    subject text not null,
    former boolean not null default false
  )`);
  // Revoking somebody ends what they are signed in to; they come back as another row.
  await run('create unique index persons_by_subject on persons (issuer, subject) where not former');
}
