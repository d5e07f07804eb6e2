import { sql } from 'kysely';
import type { Db } from '../../postgres/database.js';

/** What is still to be done in the object store. Ages in seconds; null: there is none. */
export interface StorageBacklog {
  /** Attachments of e-mails that have been dispatched, or are over, which are in the database alone. */
  readonly uploads: number;
  /** Since its e-mail was dispatched, or became due. */
  readonly oldest_upload_s: number | null;
  /** Objects that nothing refers to any more, and that are still there. */
  readonly removals: number;
  readonly oldest_removal_s: number | null;
}

/** Counts what waits for the object store. What is not due, held or paused is not uploaded yet, and does not count. */
export async function countStorageBacklog(db: Db): Promise<StorageBacklog> {
  const secondsSince = (column: string) => sql`floor(extract(epoch from now() - ${sql.ref(column)}))::int`;
  const { rows } = await sql<StorageBacklog>`select
    up.waiting as uploads, ${secondsSince('up.since')} as oldest_upload_s,
    gone.waiting as removals, ${secondsSince('gone.since')} as oldest_removal_s
    from (select count(*)::int as waiting, min(greatest(q.dispatched_at, e.due_at)) as since
        from attachment_chunks c
          join attachments a on a.email_id = c.email_id and a.storage_path is null
          join emails e on e.id = c.email_id
          left join email_queue q on q.email_id = c.email_id
        where c.seq = 0 and coalesce(q.state, '') not in ('waiting', 'held')) up,
      (select count(*)::int as waiting, min(asked_at) as since from object_removals) gone`.execute(db);
  return rows[0]!;
}
