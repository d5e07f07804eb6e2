import type { Generated } from 'kysely';
import type { JsonObject } from './json.js';

// What operators have done in the background.

/**
 * planning: its items are being listed. running: they are being done. stopped: by an operator, or in Temporal; it can be
 * resumed. done: no item is left. failed: `code` says why; nothing more happens.
 */
export type JobState = 'planning' | 'running' | 'stopped' | 'done' | 'failed';

/** skipped: it was not to be done any more; failed: it could not be. `code` says why. */
export type JobItemState = 'pending' | 'done' | 'skipped' | 'failed';

export interface JobTable {
  id: Generated<string>;
  kind: string;
  /** The kind's own; filters may hold addresses. */
  parameters: JsonObject;
  reason: string;
  /** The most items a second. */
  rate_per_s: number;
  state: Generated<JobState>;
  /** Where planning goes on. */
  cursor: JsonObject | null;
  /** Since when all items are listed. */
  planned_at: Date | null;
  /** How many items there are. */
  matched: Generated<number>;
  /** How many items ended how, once all have. */
  counts: JsonObject | null;
  code: string | null;
  /** Null: a workflow is to be started. */
  workflow_started_at: Date | null;
  progressed_at: Date | null;
  created_at: Generated<Date>;
  ended_at: Date | null;
}

export interface JobItemTable {
  job_id: string;
  /** In the order in which they are done, from 1. */
  number: number;
  /** What it is about: an e-mail's id, or what else the kind lists. */
  target: string;
  /** The e-mail's when it was listed: another one is not touched. */
  generation: number | null;
  state: Generated<JobItemState>;
  code: string | null;
  done_at: Date | null;
}
