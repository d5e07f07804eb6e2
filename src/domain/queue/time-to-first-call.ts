import { sql } from 'kysely';
import type { Db } from '../../postgres/database.js';

/** An e-mail whose workflow was started, and when by the database's clock, in milliseconds since 1970. */
export interface Started {
  readonly emailId: string;
  readonly atMs: number;
}

/** How far an e-mail has come from its start to its first call. */
export interface Way {
  readonly emailId: string;
  /** `left`: nothing can be learnt from it: it is over or backs off without a call, or fetches an attachment first. */
  readonly state: 'on_its_way' | 'begun' | 'left';
  /** How long it took, or has taken so far. */
  readonly ms: number;
}

/** Reads how far e-mails have come that were started lately. */
export async function readWays(db: Db, started: readonly Started[]): Promise<Way[]> {
  if (started.length === 0) return [];
  const { rows } = await sql<Way>`
    select s.email_id as "emailId",
           case when exists (select from attachments where email_id = s.email_id) then 'left'
             when begun_at is not null then 'begun'
             when q.state = 'in_flight' then 'on_its_way' else 'left' end as state,
           extract(epoch from coalesce(begun_at, clock_timestamp()))::float8 * 1000 - s.at_ms as ms
    from unnest(${started.map(({ emailId }) => emailId)}::uuid[], ${started.map(({ atMs }) => atMs)}::float8[])
           as s (email_id, at_ms)
    cross join lateral (select min(started_at) as begun_at from send_attempts a
      where a.email_id = s.email_id and extract(epoch from a.started_at) * 1000 > s.at_ms) attempts
    left join email_queue q on q.email_id = s.email_id`.execute(db);
  return rows;
}
