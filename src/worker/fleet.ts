import { SEND_SLOTS } from '../domain/fleets/scale.js';
import type { Priority } from '../priority.js';

/** How one worker process of a priority's fleet is sized. */
export interface FleetSize {
  /** Workflow tasks at once. They take milliseconds; more than a few per core only adds contention. */
  readonly workflowSlots: number;
  /** Provider calls at once in this process. */
  readonly sendSlots: number;
  /** Uploads at once: each holds a connection to the object store, and one chunk in memory. */
  readonly uploadSlots: number;
  /** Workflows kept in memory between tasks; a miss replays about twenty events. About 50 KB each. */
  readonly cachedWorkflows: number;
  /** Requests waiting at the server for workflow tasks, and for activities. */
  readonly pollers: number;
}

/** Sizes for one process; the fleet grows by processes. */
export const FLEET_SIZES: Readonly<Record<Priority, FleetSize>> = {
  critical: { workflowSlots: 20, sendSlots: SEND_SLOTS.critical, uploadSlots: 10, cachedWorkflows: 200, pollers: 3 },
  medium: { workflowSlots: 20, sendSlots: SEND_SLOTS.medium, uploadSlots: 10, cachedWorkflows: 500, pollers: 3 },
  low: { workflowSlots: 20, sendSlots: SEND_SLOTS.low, uploadSlots: 6, cachedWorkflows: 500, pollers: 3 },
};

/**
 * How long the server waits for the worker that has a workflow in its cache before any worker may take its task:
 * 2 s instead of 10 s brings the mail of a killed worker back in 5 s rather than 13.5 s (measured).
 */
export const STICKY_TIMEOUT = '2s';
