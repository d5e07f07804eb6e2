import { sql } from 'kysely';
import type { Db } from '../../postgres/database.js';

/**
 * Under which spans e-mails were accepted, as W3C Trace Context writes it. Those that were accepted without traces are
 * not among them. Asked only while traces are on.
 */
export async function readTraceparents(db: Db, emailIds: readonly string[]): Promise<ReadonlyMap<string, string>> {
  if (emailIds.length === 0) return new Map();
  // Joined, so that each id is looked for in its own month.
  const { rows } = await sql<{ id: string; traceparent: string }>`
    select e.id, e.traceparent from unnest(${[...emailIds]}::uuid[]) as asked (id) join emails e on e.id = asked.id
    where e.traceparent is not null`.execute(db);
  return new Map(rows.map(({ id, traceparent }) => [id, traceparent]));
}
