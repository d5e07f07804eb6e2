import { type Kysely, sql } from 'kysely';
import type { CounterName, Database } from './schema.js';

/** Adds one to a counter, in the transaction of what is counted. For rare events only: a counter is one hot row. */
export async function count(trx: Kysely<Database>, name: CounterName, label: string): Promise<void> {
  await sql`insert into counters (name, label, value) values (${name}, ${label}, 1)
    on conflict (name, label) do update set value = counters.value + 1`.execute(trx);
}

/** All counters, for metrics. */
export async function readCounters(
  db: Kysely<Database>,
): Promise<{ name: CounterName; label: string; value: number }[]> {
  return db.selectFrom('counters').selectAll().orderBy('name').orderBy('label').execute();
}
