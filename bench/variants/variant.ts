import type { Client } from '@temporalio/client';
import type { Pids } from '../harness/usage.js';

/** One of the things that are compared. */
export interface Variant {
  readonly name: string;
  /** Its own processes, and those of the servers it uses. */
  readonly pids: Pids;
  /** The database whose statements are counted; none when it uses none. */
  readonly database?: string;
  /** The type of its workflows; none when it has none. */
  readonly workflowType?: string;
  /** The Temporal they are in; the world's own when it is left out. */
  readonly temporal?: Client;
  /** Takes so many e-mails from their submission to delivered and opened, and returns when that is done. */
  round(emails: number): Promise<void>;
}

/** How many are handed over at once: the in-flight limit of the priority that is measured, and the same for all variants. */
export const IN_FLIGHT = 30;
/** The sandbox's readers open after a minute of its time. */
export const TIME_SCALE = 0.005;
export const OPEN_AFTER_MS = 60_000 * TIME_SCALE;
