import { sql } from 'kysely';
import type { Db } from '../../postgres/database.js';

/** An e-mail whose workflow was started, and when by the database's clock, in milliseconds since 1970. */
export interface Started {
  readonly emailId: string;
  readonly atMs: number;
}

/** How long an e-mail takes from its workflow's start to its first call. */
export interface TimeToFirstCall {
  readonly emailId: string;
  /** `left`: nothing can be learnt from it: it is over or backs off without a call, or fetches an attachment first. */
  readonly state: 'pending' | 'called' | 'left';
  /** How long it took, or has taken so far. */
  readonly ms: number;
}

/** Reads the times to first call of e-mails that were started lately. */
export async function readTimesToFirstCall(db: Db, started: readonly Started[]): Promise<TimeToFirstCall[]> {
  if (started.length === 0) return [];
  const { rows } = await sql<TimeToFirstCall>`
    select s.email_id as "emailId",
           case when exists (select from attachments where email_id = s.email_id) then 'left'
             when begun_at is not null then 'called'
             when q.state = 'in_flight' then 'pending' else 'left' end as state,
           extract(epoch from coalesce(begun_at, clock_timestamp()))::float8 * 1000 - s.at_ms as ms
    from unnest(${started.map(({ emailId }) => emailId)}::uuid[], ${started.map(({ atMs }) => atMs)}::float8[])
           as s (email_id, at_ms)
    cross join lateral (select min(started_at) as begun_at from send_attempts a
      where a.email_id = s.email_id and extract(epoch from a.started_at) * 1000 > s.at_ms) attempts
    left join email_queue q on q.email_id = s.email_id`.execute(db);
  return rows;
}
