import { type Kysely, sql } from 'kysely';

/**
 * An e-mail whose content is gone begins no next generation. The code knows; this binds the release before as well, which
 * knows of no `content_removed_at` and would send an empty e-mail.
 */
export async function up(db: Kysely<any>): Promise<void> {
  const run = (statement: string) => sql.raw(statement).execute(db);

  await run(`create function refuse_removed_content() returns trigger language plpgsql as $$
    begin
      raise exception 'the content of this e-mail was removed: it cannot be sent again'
        using errcode = 'check_violation', constraint = 'content_removed';
    end $$`);
  await run(`create trigger refuse_removed_content before update of generation on emails for each row
    when (new.generation > old.generation and old.content_removed_at is not null)
    execute function refuse_removed_content()`);
}
