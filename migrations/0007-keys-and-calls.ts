import { type Kysely, sql } from 'kysely';

/** Which key the configuration gave, so that a changed one ends the former; and every call to a provider, counted. */
export async function up(db: Kysely<any>): Promise<void> {
  const run = (statement: string) => sql.raw(statement).execute(db);

  await run(`alter table api_keys add column bootstrap boolean not null default false`);
  // Those that were made by the API begin with tp_; one that was configured and does as well is marked at the next start.
  await run(`update api_keys set bootstrap = true from clients
    where clients.id = api_keys.client_id and clients.name = 'bootstrap' and operator and revoked_at is null
      and not starts_with(prefix, 'tp_')`);

  // Many rows a provider and day, of which a call takes any: one row would have all calls wait for each other's commit.
  await run(`create table provider_calls (
    provider text not null,
    day date not null,
    shard smallint not null,
    calls integer not null default 0,
    primary key (provider, day, shard)
  ) with (fillfactor = 20)`);
}
