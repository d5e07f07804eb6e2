import type { Generated } from 'kysely';
import type { ProviderName } from '../../config.js';
import type { Priority } from '../../priority.js';

// What waits.

/**
 * waiting: to be dispatched. held: an operator's hold concerns it; with `dispatched_at`, its workflow sleeps. in_flight, backing_off: its workflow is sending. awaiting_provider: its workflow sleeps
 * until one of its providers admits. handed_over: awaits its delivery.
 */
export type QueueState = 'waiting' | 'held' | 'in_flight' | 'backing_off' | 'awaiting_provider' | 'handed_over';

export interface EmailQueueTable {
  email_id: string;
  priority: Priority;
  generation: number;
  state: QueueState;
  due_at: Date;
  dispatched_at: Date | null;
  /** When the sweep looks at its workflow next. */
  check_at: Date | null;
  /** Of one that awaits a provider: those it may go to, and from when it may be woken. */
  providers: ProviderName[] | null;
  ready_at: Date | null;
  /** Of one that is held: by which hold. */
  hold_id: string | null;
}

export interface QueueControlTable {
  priority: Priority;
  /** Since when operators have paused it through us. */
  paused_at: Date | null;
  reason: string | null;
  /** Since when it has been paused in Temporal itself, and not by us. */
  temporal_paused_at: Date | null;
  temporal_reason: string | null;
  changed_at: Generated<Date>;
}
