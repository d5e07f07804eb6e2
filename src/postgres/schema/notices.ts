import type { Generated } from 'kysely';

// Notices of failure.

export interface FailureNoticeTable {
  client_id: string;
  sender: string;
  window_from: Date;
  told: Generated<number>;
  untold: Generated<number>;
  /** The first of the untold, for the digest. */
  untold_ids: Generated<string[]>;
}

/** At most one row. */
export interface NoticePolicyTable {
  only_row: Generated<boolean>;
  sender: string;
  /** How many single notices a sender gets in an hour. */
  per_hour: number;
  /** The service level of a notice. */
  deadline_ms: number;
}
