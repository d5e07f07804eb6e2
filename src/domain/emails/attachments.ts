import { sql } from 'kysely';
import type { Db } from '../../postgres/database.js';
import { transact } from '../../postgres/transaction.js';
import type { Priority } from '../../priority.js';
import type { ObjectDigest } from '../../storage/object-store.js';

export interface AttachmentRow extends ObjectDigest {
  readonly filename: string;
  readonly contentType: string;
  /** Null while it is only in the spool, or when it was removed. */
  readonly storagePath: string | null;
  /** Since when its bytes are gone by retention. */
  readonly removedAt: Date | null;
}

/** An attachment with what the spool holds of it: everything, or nothing once it has been stored. */
interface SpooledAttachment extends AttachmentRow {
  readonly spooled: Buffer | null;
}

const COLUMNS = ['filename', 'content_type', 'size_bytes', 'sha256', 'storage_path', 'removed_at'] as const;

const toAttachment = (row: {
  filename: string;
  content_type: string;
  size_bytes: number;
  sha256: string;
  storage_path: string | null;
  removed_at: Date | null;
}): AttachmentRow => ({
  filename: row.filename,
  contentType: row.content_type,
  sizeBytes: row.size_bytes,
  sha256: row.sha256,
  storagePath: row.storage_path,
  removedAt: row.removed_at,
});

/** Reads an attachment's row. @returns undefined when the e-mail has none. */
export async function findAttachment(db: Db, emailId: string): Promise<AttachmentRow | undefined> {
  const row = await db.selectFrom('attachments').select(COLUMNS).where('email_id', '=', emailId).executeTakeFirst();
  return row && toAttachment(row);
}

/**
 * Reads an attachment and its spool in one snapshot, so that an upload that drops the spool meanwhile is seen either
 * not at all or whole. Up to 18 MB in memory.
 *
 * @returns undefined when the e-mail has none.
 */
export async function loadAttachment(db: Db, emailId: string): Promise<SpooledAttachment | undefined> {
  const rows = await db
    .selectFrom('attachments as a')
    .leftJoin('attachment_chunks as c', 'c.email_id', 'a.email_id')
    .select(['a.filename', 'a.content_type', 'a.size_bytes', 'a.sha256', 'a.storage_path', 'a.removed_at', 'c.data'])
    .where('a.email_id', '=', emailId)
    .orderBy('c.seq')
    .execute();
  const first = rows[0];
  if (!first) return undefined;
  const chunks = rows.flatMap((row) => (row.data ? [row.data] : []));
  return { ...toAttachment(first), spooled: chunks.length > 0 ? Buffer.concat(chunks) : null };
}

/** Streams the spool of an attachment, one 256 KiB chunk in memory at a time. */
export async function* readSpool(db: Db, emailId: string): AsyncGenerator<Buffer> {
  for (let seq = 0; ; seq++) {
    const chunk = await db
      .selectFrom('attachment_chunks')
      .select('data')
      .where('email_id', '=', emailId)
      .where('seq', '=', seq)
      .executeTakeFirst();
    if (!chunk) return;
    yield chunk.data;
  }
}

/**
 * Notes where an attachment is stored and drops its spool, in one transaction.
 *
 * @returns false when it was forgotten, or removed, meanwhile: nothing refers to the object then.
 */
export async function noteStored(db: Db, emailId: string, storagePath: string): Promise<boolean> {
  return transact(db, async (trx) => {
    const noted = await trx
      .updateTable('attachments')
      .set({ storage_path: storagePath, stored_at: new Date() })
      .where('email_id', '=', emailId)
      .where('removed_at', 'is', null)
      .returning('email_id')
      .executeTakeFirst();
    await trx.deleteFrom('attachment_chunks').where('email_id', '=', emailId).execute();
    return noted !== undefined;
  });
}

/** An e-mail that has ended with its attachment still in the spool. */
interface StraySpool {
  readonly emailId: string;
  readonly clientId: string;
  readonly generation: number;
  readonly priority: Priority;
}

/**
 * Finds attachments that have been in the spool for a while though nothing else is left to be done for their e-mails:
 * the upload goes on in a workflow, or was lost with it. In random order, so that many that go on hide none that is
 * lost. The spool is small: rows live for minutes.
 */
export async function findStraySpools(db: Db, olderThanMs: number, limit: number): Promise<StraySpool[]> {
  const { rows } = await sql<StraySpool>`
    select e.id as "emailId", e.client_id as "clientId", e.generation, e.priority
    from attachment_chunks c
      join emails e on e.id = c.email_id
      join attachments a on a.email_id = c.email_id
    where c.seq = 0 and a.storage_path is null
      and c.email_id < uuidv7(make_interval(secs => ${-olderThanMs / 1000}))
      and not exists (select from email_queue q where q.email_id = c.email_id)
    order by random() limit ${limit}`.execute(db);
  return rows;
}
