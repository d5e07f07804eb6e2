import { Readable } from 'node:stream';
import { sql } from 'kysely';
import type { Db } from '../../postgres/database.js';
import type { AttachmentRow } from './attachments.js';
import { readSpool } from './attachments.js';
import type { StoredBodies } from './bodies.js';

/** What an e-mail says, as it was submitted. */
export interface EmailContent extends StoredBodies {
  readonly id: string;
  readonly sender: string;
  readonly receiver: string;
  readonly reply_to: string | null;
  readonly subject: string;
  /** More headers, as submitted; null for none. */
  readonly headers: Readonly<Record<string, string>> | null;
  /** Since when its bodies are gone by retention; they are empty then. */
  readonly content_removed_at: Date | null;
}

/**
 * Reads an e-mail's content, up to 5 MB.
 *
 * @param clientId whose it has to be; null for anyone's.
 * @returns undefined when the client has no such e-mail.
 */
export async function findContent(db: Db, clientId: string | null, emailId: string): Promise<EmailContent | undefined> {
  const { rows } = await sql<EmailContent>`
    select id, sender, receiver, reply_to, subject, headers, content, content_type, alternative,
      content_removed_at
    from emails where id = ${emailId} and client_id = coalesce(${clientId}::uuid, client_id)`.execute(db);
  return rows[0];
}

/** As `findAttachment`, for whoever may see only a client's own. @param clientId null for anyone's. */
export async function findOwnAttachment(
  db: Db,
  clientId: string | null,
  emailId: string,
): Promise<{ readonly attachment: AttachmentRow | null } | undefined> {
  const { rows } = await sql<AttachmentRow & { has: boolean }>`
    select a.email_id is not null as has, a.filename, a.content_type as "contentType", a.size_bytes as "sizeBytes",
      a.sha256, a.storage_path as "storagePath", a.removed_at as "removedAt"
    from emails e left join attachments a on a.email_id = ${emailId}
    where e.id = ${emailId} and e.client_id = coalesce(${clientId}::uuid, e.client_id)`.execute(db);
  const [row] = rows;
  if (!row) return undefined;
  const { has, ...attachment } = row;
  return { attachment: has ? attachment : null };
}

/** Reads an attachment's bytes, unverified, from the object store or, until they are there, from the spool. */
export async function openAttachment(
  db: Db,
  store: { open(storagePath: string): Promise<Readable> },
  emailId: string,
  { storagePath }: Pick<AttachmentRow, 'storagePath'>,
): Promise<Readable> {
  // An upload that drops the spool meanwhile ends the stream early, and so its check: whoever asks again is answered
  // from the object store.
  return storagePath ? store.open(storagePath) : Readable.from(readSpool(db, emailId), { objectMode: false });
}
