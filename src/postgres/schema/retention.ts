import type { Generated } from 'kysely';

// How long data are kept.

/** content: what an e-mail says, with its attachment. record: all that is known of it. */
export type Retained = 'content' | 'record';

/** How far the removal of a client's old data has come. */
export interface RetentionWalkTable {
  client_id: string;
  what: Retained;
  /** Every e-mail up to this one is done, or deferred. */
  past_id: Generated<string>;
  /** So many e-mails were concerned, since ever. */
  removed: Generated<number>;
}

/** An e-mail that was old enough and had to stay: dead, on its way, held, or due later. */
export interface RetentionDeferredTable {
  email_id: string;
  what: Retained;
  client_id: string;
  look_at: Date;
}
