import type { Generated } from 'kysely';
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
  /** Of one that the record lacks: what Temporal knew of it. */
  priority: Priority | null;
  client_id: string | null;
  judged_at: Generated<Date>;
  /** What an operator did about an unknown one. */
  decision: 'released' | 'discarded' | null;
  decided_at: Date | null;
}
