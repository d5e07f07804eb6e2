import type { Generated } from 'kysely';
import type { ProviderName } from '../../config.js';
import type { Priority } from '../../priority.js';

// The ledger of calls, and what it could not send.

/**
 * calling: permission given, no answer yet. ambiguous: the outcome is unknown. accepted: the provider has it.
 * rejected: refused for good. refused: not taken, may be tried again. abandoned: given up as unknown, by policy.
 */
export type AttemptState = 'calling' | 'ambiguous' | 'accepted' | 'rejected' | 'refused' | 'abandoned';

export interface SendAttemptTable {
  email_id: string;
  generation: number;
  /** 1 for the first call of a generation. */
  attempt: number;
  provider: ProviderName;
  state: AttemptState;
  started_at: Date;
  /** By the database's clock: the caller has ended the call by then, and nobody reconciles earlier. */
  call_until: Date;
  finished_at: Date | null;
  provider_message_id: string | null;
  /** Why it did not go through: a code, never a provider's sentence. */
  code: string | null;
}

/** An ambiguous attempt that waits to be searched for. */
export interface LookUpTable {
  email_id: string;
  generation: number;
  attempt: number;
  provider: ProviderName;
  /** When it is given up without evidence. */
  decide_at: Date;
}

export const DEAD_REASONS = ['lifetime_over', 'ambiguous', 'stopped_in_temporal'] as const;

export type DeadReason = (typeof DEAD_REASONS)[number];

export interface DeadEmailTable {
  email_id: string;
  generation: number;
  reason: DeadReason;
  died_at: Generated<Date>;
  client_id: string | null;
  priority: Priority | null;
  /** The code and the provider of the last attempt. */
  code: string | null;
  provider: ProviderName | null;
  resolved_at: Date | null;
  /** What an operator did; `delivered`: a provider had taken it after all. */
  resolution: 'retried' | 'discarded' | 'delivered' | null;
}
