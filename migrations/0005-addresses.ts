import { type Kysely, sql } from 'kysely';
import { createMessageIndex } from '../src/domain/tracking/message-index.js';

/** What suppressing, unsubscribing and telling whose an event is need. */
export async function up(db: Kysely<any>): Promise<void> {
  const run = (statement: string) => sql.raw(statement).execute(db);

  // An unsubscription is kept also where a stronger reason stands beside it, and stays when that is taken back.
  await run(`alter table suppressions add column unsubscribed_at timestamptz`);

  // One row. The key that unsubscribe links are signed with: 244 random bits, made here, so that there is nothing to
  // configure and all processes have the same. E-mails of a release without keys carry links of their id alone; some
  // are still sent by workers of that release while it is replaced, hence the hour.
  await run(`create table unsubscribe_key (
    only_row boolean primary key default true check (only_row),
    key bytea not null,
    id_alone_until timestamptz not null
  )`);
  await run(`insert into unsubscribe_key (key, id_alone_until)
    select sha256(convert_to(gen_random_uuid()::text || gen_random_uuid()::text, 'UTF8')),
      case when exists (select from emails) then now() + interval '1 hour' else '-infinity' end`);

  // An event that names no e-mail, only the provider's id of the message: looked for among the attempts, again and
  // again for a while, because the answer that brings the id may be written down later than the event.
  await run(`alter table unmatched_webhooks
    add column provider_message_id text,
    add column event jsonb,
    add column taken_at timestamptz,
    add column match_at timestamptz,
    add column match_tries smallint not null default 0`);
  await run(`create index unmatched_webhooks_match on unmatched_webhooks (match_at) where match_at is not null`);
  await createMessageIndex(db);
}
