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
}
