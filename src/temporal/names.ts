import type { Priority } from '../priority.js';

/** The names in Temporal, which operators and running workflows rely on, in one place. */
export const workflowIdOf = (emailId: string) => `email-${emailId}`;

/** @returns undefined for what is no e-mail's workflow. */
export const emailIdOf = (workflowId: string): string | undefined =>
  /^email-([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/.exec(workflowId)?.[1];

export const workflowQueueOf = (priority: Priority) => `email-${priority}`;
/** Of an operator's job. */
export const jobWorkflowIdOf = (jobId: string) => `job-${jobId}`;
export const JOB_QUEUE = 'jobs';

export const sendQueueOf = (priority: Priority) => `send-${priority}`;

/** Keywords by which workflows are found; each costs an indexed write an e-mail, so there are few. */
export const SEARCH_ATTRIBUTES = ['EmailPriority', 'ClientId', 'EmailStatus'] as const;

/** What Temporal calls all builds of our workers together. */
export const DEPLOYMENT = 'tempost';

/** The types of the activities of e-mails, each of which somebody may pause by itself. */
export const EMAIL_ACTIVITIES = [
  ...['persist', 'recordAnswer', 'awaitProvider', 'uploadAttachment', 'readEnd'],
  ...['send', 'reconcile', 'lookForNews'],
] as const;
