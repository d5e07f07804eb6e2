import { type Kysely, sql } from 'kysely';

/** The span under which an e-mail was accepted (W3C Trace Context); null, and no byte, while traces are off. */
export async function up(db: Kysely<any>): Promise<void> {
  await sql.raw('alter table emails add column traceparent text').execute(db);
}
