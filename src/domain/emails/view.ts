import { sql } from 'kysely';
import type { Db } from '../../postgres/database.js';

/** Everything a client can know of an e-mail of its own; times are Dates or RFC 3339 text. */
export interface EmailView {
  readonly id: string;
  readonly status: string;
  readonly priority: string;
  readonly sender: string;
  readonly receiver: string;
  readonly subject: string;
  readonly created_at: Date;
  readonly deadline_at: Date;
  readonly dispatched_at: Date | null;
  readonly sent_at: Date | null;
  readonly provider: string | null;
  readonly provider_message_id: string | null;
  readonly metadata: Record<string, unknown>;
  readonly tags: readonly string[];
  /** What the client had it carry beside the usual ones. */
  readonly headers: Readonly<Record<string, string>>;
  /** Whether opens are tracked. */
  readonly track_opens: boolean;
  /** Since when its content is gone by retention. */
  readonly content_removed_at: Date | null;
  readonly attachment: AttachmentView | null;
  readonly events: readonly EventView[];
  readonly attempts: readonly AttemptView[];
}

interface AttachmentView {
  readonly filename: string;
  readonly content_type: string;
  readonly size: number;
  readonly sha256: string;
  readonly storage_path: string | null;
}

interface EventView {
  readonly type: string;
  readonly occurred_at: string;
  readonly provider: string | null;
  readonly metadata: Record<string, unknown>;
}

interface AttemptView {
  readonly generation: number;
  readonly attempt: number;
  readonly provider: string;
  readonly state: string;
  readonly started_at: string;
  readonly finished_at: string | null;
  readonly code: string | null;
  readonly provider_message_id: string | null;
}

/** The form in which `JSON.stringify` writes a Date: one notation in the whole answer. */
const iso = (column: string) => sql.raw(`to_char(${column} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`);

/**
 * An e-mail with its attachment, events and attempts, as one statement sees them.
 *
 * @param clientId whose it has to be; null for anyone's.
 * @param emailId a UUID.
 * @returns undefined when the client has no such e-mail.
 */
export async function findEmailView(db: Db, clientId: string | null, emailId: string): Promise<EmailView | undefined> {
  // The id itself, not a join on it: only `= constant` prunes the partitions of each table.
  const { rows } = await sql<EmailView>`
    select id, status, priority, sender, receiver, subject, created_at, deadline_at, dispatched_at, sent_at, provider,
      provider_message_id, metadata, tags,
      coalesce(headers, '{}') as headers, track_opens is not false as track_opens,
      content_removed_at,
      (select json_build_object('filename', filename, 'content_type', content_type, 'size', size_bytes,
          'sha256', sha256, 'storage_path', storage_path)
        from attachments where email_id = ${emailId}) as attachment,
      (select coalesce(json_agg(json_build_object('type', type, 'occurred_at', ${iso('occurred_at')},
          'provider', provider, 'metadata', metadata) order by occurred_at, recorded_at), '[]')
        from email_events where email_id = ${emailId}) as events,
      (select coalesce(json_agg(json_build_object('generation', generation, 'attempt', attempt, 'provider', provider,
          'state', state, 'started_at', ${iso('started_at')}, 'finished_at', ${iso('finished_at')}, 'code', code,
          'provider_message_id', provider_message_id) order by generation, attempt), '[]')
        from send_attempts where email_id = ${emailId}) as attempts
    from emails where id = ${emailId} and client_id = coalesce(${clientId}::uuid, client_id)`.execute(db);
  return rows[0];
}
