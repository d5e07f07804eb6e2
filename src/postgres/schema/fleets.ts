import type { Generated } from 'kysely';
import type { Priority } from '../../priority.js';

export type ProcessKind = 'api' | 'webhooks' | 'dispatcher' | 'worker';

/** A process that runs, or that did so a short while ago. */
export interface ProcessHeartbeatTable {
  /** Made at its start: a process id comes again. */
  id: string;
  process: ProcessKind;
  /** Of a worker. */
  priority: Priority | null;
  host: string;
  pid: number;
  version: string;
  started_at: Generated<Date>;
  /** By the database's clock. */
  beat_at: Date;
  /** Of a worker: it asks Temporal for tasks, and Temporal answers. */
  polling: boolean | null;
  /** Of a worker: calls to providers under way, and how many there may be. */
  slots_used: number | null;
  slots: number | null;
  /** Of a worker: when it last got a task. */
  last_task_at: Date | null;
  /** Of a worker: its build; null: any of them continues any workflow. */
  build_id: string | null;
}

/** One row: where e-mails are to begin, and where Temporal lets them. A build that is null: workers without one. */
export interface WorkerRoutingTable {
  only_row: Generated<boolean>;
  current_build: string | null;
  /** What was current before. */
  previous_build: string | null;
  ramping_build: string | null;
  ramping_percent: number | null;
  reason: string | null;
  /** Null: nobody has wanted anything, and Temporal's routing is left alone. */
  changed_at: Date | null;
  /** What a dispatcher last saw. */
  seen_current: string | null;
  seen_ramping: string | null;
  seen_percent: number | null;
  seen_at: Date | null;
}

/** A build of a priority's workers, as a dispatcher last saw it in Temporal. */
export interface WorkerBuildTable {
  /** Empty: workers without one. */
  build_id: string;
  priority: Priority;
  /** E-mails under way that stay with it. */
  pinned: number;
  /** Of a hundred that begin. */
  share: number;
}
