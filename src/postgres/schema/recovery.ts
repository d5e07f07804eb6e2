import type { ColumnType, Generated } from 'kysely';
import type { ProviderName } from '../../config.js';
import type { Priority } from '../../priority.js';

// After a restore to an earlier point: what had been sent since.

export interface RecoveryTable {
  id: Generated<string>;
  begun_at: Generated<Date>;
  begun_by: 'operator' | 'safeguard';
  /** The point that the record was restored to, as the operator says; null while nobody has said it. */
  restored_to: Date | null;
  /** What the operator says of Temporal's data. */
  temporal: 'intact' | 'doubtful' | 'lost' | null;
  /** When evidence had been sought for every e-mail. */
  sought_at: Date | null;
  /** When sending was opened again. */
  finished_at: Date | null;
  /** Who was asked for what the record lacks, and how far each could tell; null while nobody was. */
  sources: ColumnType<AskedSource[] | null, string | null | undefined, string | null>;
}

/** Who may know of a submission that the record lacks. */
export type Source = 'temporal' | 'attachments' | ProviderName;

export interface AskedSource {
  readonly source: Source;
  /** How many e-mails it knows that the record lacks. */
  readonly found: number;
  /** Why there may be more; empty: these are all. */
  readonly limits: readonly SourceLimit[];
}

/**
 * - `data_lost`, `data_doubtful`: what is said of Temporal's data.
 * - `no_log`: the provider tells nothing afterwards.
 * - `not_read`: it could not be asked, or not to the end; `detail` is the code.
 * - `may_lag`: its log may lack the newest; `detail` is when it cannot any more.
 * - `may_not_reach_back`: it may have been kept for less than since `detail`.
 * - `cut`: it shows a part only, however it is asked.
 * - `too_long`: the rest was not read.
 */
export interface SourceLimit {
  readonly code:
    | 'data_lost'
    | 'data_doubtful'
    | 'no_log'
    | 'not_read'
    | 'may_lag'
    | 'may_not_reach_back'
    | 'cut'
    | 'too_long';
  /** A moment (ISO 8601), or a code. */
  readonly detail: string | null;
}

/** sent: adopted. unsent: goes on as if nothing had been. unknown: held. lacking: the record does not know it. */
export type Verdict = 'sent' | 'unsent' | 'unknown' | 'lacking';

export interface RecoveryItemTable {
  recovery_id: string;
  email_id: string;
  verdict: Verdict;
  /** Why, as a code. */
  evidence: string;
  /** Who has it, as far as that is known. */
  provider: ProviderName | null;
  /** The object store holds its attachment, under its id. */
  stored: Generated<boolean>;
  /** Of one that the record lacks: who knows of it, by name. */
  sources: Generated<Source[]>;
  /** Of one that the record lacks: what Temporal knew of it. */
  priority: Priority | null;
  client_id: string | null;
  judged_at: Generated<Date>;
  /** What an operator did about an unknown one. */
  decision: 'released' | 'discarded' | null;
  decided_at: Date | null;
}
