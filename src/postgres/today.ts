import { type RawBuilder, sql } from 'kysely';

/** Daily limits, of clients and of providers, are days of UTC, whatever the server's time zone is. */
export const TODAY: RawBuilder<string> = sql`(now() at time zone 'UTC')::date`;
