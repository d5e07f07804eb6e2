import { proxyActivities, workflowInfo } from '@temporalio/workflow';
import type { SendActivities } from '../activities/types.js';

/** For steps that fail only when something of ours is down: the database, this worker. */
export const RETRY = { initialInterval: '500ms', maximumInterval: '10s' } as const;

/**
 * The activities of `send-<priority>`, the queue that belongs to this workflow's own (`email-<priority>`): whatever
 * calls a provider. A heartbeat time-out brings a killed worker's call back within seconds. There is no
 * schedule-to-start time-out, so that a paused queue never kills mail.
 *
 * @param summary shown on the Web UI's timeline.
 */
export function sendActivities(summary: string): SendActivities {
  return proxyActivities<SendActivities>({
    taskQueue: workflowInfo().taskQueue.replace(/^email-/, 'send-'),
    startToCloseTimeout: '3m',
    heartbeatTimeout: '2s',
    retry: RETRY,
    summary,
  });
}
