import type { ObjectStore } from '../storage/object-store.js';
import { isUuid } from '../uuid.js';

const DAY_MS = 24 * 60 * 60 * 1000;
/** An e-mail can be scheduled so far ahead; its attachment lies under the day of its acceptance. */
const LONGEST_AHEAD_MS = 31 * DAY_MS;

/**
 * The e-mails whose attachments the object store holds, from a month before the point of the restore to now: those that
 * can have been sent since. @throws when the store does not answer.
 */
export async function storedEmails(store: Pick<ObjectStore, 'list'>, restoredTo: Date): Promise<Set<string>> {
  const stored = new Set<string>();
  const first = Math.floor((restoredTo.getTime() - LONGEST_AHEAD_MS) / DAY_MS) * DAY_MS;
  for (let day = first; day <= Date.now(); day += DAY_MS) {
    const date = new Date(day).toISOString().slice(0, 10).replaceAll('-', '/');
    for await (const key of store.list(`attachments/${date}/`)) {
      const id = key.slice(key.lastIndexOf('/') + 1);
      if (isUuid(id)) stored.add(id);
    }
  }
  return stored;
}
