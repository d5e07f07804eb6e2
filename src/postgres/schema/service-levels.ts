import type { Priority } from '../../priority.js';

// How many e-mails were handed over in time. Triggers of `emails` write these tables; see the migration of that name.

/** By the hour of the first deadline, and by a part of the e-mails, so that those who count do not wait for each other. */
export interface ServiceLevelTable {
  hour: Date;
  priority: Priority;
  client_id: string;
  shard: number;
  in_time: number;
  late: number;
  /** Late, and in time but for the pauses. */
  late_by_pause: number;
  dead: number;
  failed: number;
  suppressed: number;
  cancelled: number;
}

/** An e-mail that was handed over late. */
export interface LateEmailTable {
  email_id: string;
  /** Of its first deadline. */
  hour: Date;
  priority: Priority;
  client_id: string;
  late_s: number;
  by_pause: boolean;
}

/** One row. */
export interface ServiceLevelStartTable {
  one_row: boolean;
  /** E-mails with an earlier first deadline are not counted. */
  counted_from: Date;
}
