import { sql } from 'kysely';
import type { Trx } from './transaction.js';

/** Acceptance and retries say here that there is something to dispatch; the payload is the priority. */
export const QUEUE_CHANNEL = 'tempost_queue';

/** Operators' switches say here that they have changed. */
export const CONTROLS_CHANNEL = 'tempost_controls';

/** Tells every dispatcher, once this transaction is committed, that a switch has changed. */
export const announce = (trx: Trx) => sql`select pg_notify(${CONTROLS_CHANNEL}, '')`.execute(trx);
