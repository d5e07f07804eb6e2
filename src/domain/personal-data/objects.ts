import { sql } from 'kysely';
import type { Db } from '../../postgres/database.js';
import type { Trx } from '../../postgres/transaction.js';
import type { ObjectStore } from '../../storage/object-store.js';

/**
 * Has an e-mail's object removed from the store once the transaction is committed, unless another e-mail has the same
 * one: those that are this one sent again, and the one that this is. A process with access to the store does it.
 */
export async function removeObject(trx: Trx, emailId: string, storagePath: string): Promise<void> {
  // An object's key ends with the id of the e-mail that it was uploaded for.
  await sql`
    with recursive family as (
      select ${emailId}::uuid as id
      union select right(${storagePath}, 36)::uuid where right(${storagePath}, 36) ~ '^[0-9a-f-]{36}$'
      union select e.id from emails e join family f on e.resend_of = f.id)
    insert into object_removals (storage_path)
    select ${storagePath} where not exists (
      select from attachments a join family f on f.id = a.email_id
      where a.email_id <> ${emailId} and a.storage_path = ${storagePath})
    on conflict do nothing`.execute(trx);
}

/** Removed at a time. */
const BATCH = 50;
/** Until the next try of one that could not be removed. */
const AGAIN_S = 60;

/**
 * Removes objects that nothing refers to any more. Several processes share the work; one that dies meanwhile has it done
 * again, which changes nothing.
 *
 * @returns how many were removed, and how many could not be: they are tried again a minute later.
 */
export async function removeObjects(
  db: Db,
  store: Pick<ObjectStore, 'delete'>,
): Promise<{ readonly removed: number; readonly failed: number }> {
  const { rows } = await sql<{ storage_path: string }>`
    with due as (select storage_path from object_removals where try_at <= now() order by try_at limit ${BATCH}
      for update skip locked)
    update object_removals r set try_at = now() + make_interval(secs => ${AGAIN_S})
    from due where r.storage_path = due.storage_path returning r.storage_path`.execute(db);
  let removed = 0;
  for (const { storage_path: path } of rows) {
    try {
      await store.delete(path);
    } catch {
      continue;
    }
    await db.deleteFrom('object_removals').where('storage_path', '=', path).execute();
    removed++;
  }
  return { removed, failed: rows.length - removed };
}
