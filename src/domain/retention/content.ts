import { sql } from 'kysely';
import type { Trx } from '../../postgres/transaction.js';
import { removeObject } from '../personal-data/objects.js';
import { isOneOf, isOver } from './over.js';

/**
 * Removes what e-mails say: texts, and the bytes of attachments. The record stays: addresses, subject, status, events, and
 * of the attachment its name, type, size and hash.
 *
 * @param ids in order; locked.
 * @returns those whose time was over.
 */
export async function removeContent(trx: Trx, ids: readonly string[], days: number): Promise<string[]> {
  if (ids.length === 0) return [];
  const { rows } = await sql<{ id: string }>`
    update emails e set content = '', alternative = null, content_removed_at = now()
    where ${isOneOf('e.id', ids)} and e.content_removed_at is null and ${isOver(days)} returning e.id`.execute(trx);
  const removed = rows.map(({ id }) => id).sort();
  await removeAttachments(trx, removed);
  return removed;
}

async function removeAttachments(trx: Trx, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return;
  const { rows } = await sql<{ email_id: string; path: string | null }>`
    update attachments set storage_path = null, removed_at = now()
    where ${isOneOf('email_id', ids)} and removed_at is null
    returning email_id, old.storage_path as path`.execute(trx);
  for (const { email_id, path } of rows) {
    if (path) await removeObject(trx, email_id, path);
  }
  // Where the object store was never reached.
  await sql`delete from attachment_chunks where email_id = any(${rows.map((row) => row.email_id)}::uuid[])`.execute(
    trx,
  );
}
