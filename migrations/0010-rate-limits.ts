import { type Kysely, sql } from 'kysely';

/** How many requests a second clients and keys may make, over all api processes. */
export async function up(db: Kysely<any>): Promise<void> {
  const run = (statement: string) => sql.raw(statement).execute(db);

  // Null is no limit: that is what clients and keys had that are there already.
  for (const table of ['clients', 'api_keys']) {
    await run(`alter table ${table}
      add column send_rate real check (send_rate > 0),
      add column send_burst integer check (send_burst > 0),
      add column read_rate real check (read_rate > 0),
      add column read_burst integer check (read_burst > 0)`);
  }

  // Unlogged: written some times a second, and worth nothing after a crash of the server, when all begin full.
  await run(`create unlogged table rate_buckets (
    owner uuid not null,
    kind text not null,
    tokens double precision not null,
    rate double precision not null,
    burst double precision not null,
    granted double precision not null,
    filled_at timestamptz not null,
    primary key (owner, kind)
  ) with (fillfactor = 50)`);
}
