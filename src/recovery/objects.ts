import { lackedByTheRecord, spooledInTheRecord } from '../domain/recovery/candidates.js';
import type { Db } from '../postgres/database.js';
import type { ObjectStore } from '../storage/object-store.js';
import { isUuid } from '../uuid.js';
import { pages } from './pages.js';

const DAY_MS = 24 * 60 * 60 * 1000;
/** An e-mail can be scheduled so far ahead; its attachment lies under the day of its acceptance. */
const LONGEST_AHEAD_MS = 31 * DAY_MS;
const PAGE = 500;

/** What the object store has and the restored record does not know of. */
export interface ComparedObjects {
  /** E-mails whose attachments the record believes not uploaded yet. */
  readonly uploaded: ReadonlySet<string>;
  /** E-mails that it lacks. */
  readonly lacking: readonly string[];
}

/**
 * Compares the objects from a month before the point of the restore to now, those of e-mails that can have been sent
 * since, with the record. Of a month of a busy system only what differs is kept in memory.
 *
 * @throws when the store does not answer.
 */
export async function compareObjects(
  { db, store }: { readonly db: Db; readonly store: Pick<ObjectStore, 'list'> },
  restoredTo: Date,
): Promise<ComparedObjects> {
  const uploaded = new Set<string>();
  const lacking: string[] = [];
  for await (const emailIds of pages(storedEmails(store, restoredTo), PAGE)) {
    for (const emailId of await spooledInTheRecord(db, emailIds)) uploaded.add(emailId);
    lacking.push(...(await lackedByTheRecord(db, emailIds)));
  }
  return { uploaded, lacking };
}

async function* storedEmails(store: Pick<ObjectStore, 'list'>, restoredTo: Date): AsyncIterable<string> {
  const first = Math.floor((restoredTo.getTime() - LONGEST_AHEAD_MS) / DAY_MS) * DAY_MS;
  for (let day = first; day <= Date.now(); day += DAY_MS) {
    const date = new Date(day).toISOString().slice(0, 10).replaceAll('-', '/');
    for await (const key of store.list(`attachments/${date}/`)) {
      const id = key.slice(key.lastIndexOf('/') + 1);
      if (isUuid(id)) yield id;
    }
  }
}
