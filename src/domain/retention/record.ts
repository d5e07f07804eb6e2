import { sql } from 'kysely';
import type { Trx } from '../../postgres/transaction.js';
import { removeObject } from '../personal-data/objects.js';
import { isOneOf, isOver } from './over.js';

/** What belongs to e-mails; those that the database holds to them come before them. */
const THEIRS = ['send_attempts', 'email_events', 'attachments'] as const;
/** By the id alone: small, or without partitions. */
const BESIDE = ['attachment_chunks', 'pending_signals', 'look_ups', 'dead_emails', 'retention_deferred'] as const;

/**
 * Removes e-mails with all that belongs to them. What was counted stays counted, a suppression stays, and an idempotency
 * key answers until it has served its time.
 *
 * @param ids in order; locked.
 * @returns those whose time was over.
 */
export async function removeRecords(trx: Trx, ids: readonly string[], days: number): Promise<string[]> {
  if (ids.length === 0) return [];
  const { rows } = await sql<{ id: string }>`
    select e.id from emails e where ${isOneOf('e.id', ids)} and ${isOver(days)}`.execute(trx);
  const removed = rows.map(({ id }) => id).sort();
  if (removed.length === 0) return [];
  await removeObjectsOf(trx, removed);
  for (const table of BESIDE) {
    await sql`delete from ${sql.table(table)} where email_id = any(${removed}::uuid[])`.execute(trx);
  }
  for (const table of THEIRS) {
    await sql`delete from ${sql.table(table)} where ${isOneOf('email_id', removed)}`.execute(trx);
  }
  await sql`delete from emails where ${isOneOf('id', removed)}`.execute(trx);
  return removed;
}

async function removeObjectsOf(trx: Trx, ids: readonly string[]): Promise<void> {
  const { rows } = await sql<{ email_id: string; path: string }>`
    update attachments set storage_path = null, removed_at = now()
    where ${isOneOf('email_id', ids)} and storage_path is not null
    returning email_id, old.storage_path as path`.execute(trx);
  for (const { email_id, path } of rows) await removeObject(trx, email_id, path);
}
