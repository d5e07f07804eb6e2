import type { Kysely } from 'kysely';
import { createSearchIndexes } from '../src/domain/search/indexes.js';

/** E-mails are found by receiver, sender, client, tag, metadata and rare status. */
export async function up(db: Kysely<any>): Promise<void> {
  await createSearchIndexes(db);
}
