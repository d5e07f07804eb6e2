import { workflowInfo } from '@temporalio/workflow';

/** The queue of the provider calls that belongs to this workflow's own: `email-low` → `send-low`. */
export const sendQueue = () => workflowInfo().taskQueue.replace(/^email-/, 'send-');
