import { type Client, WorkflowNotFoundError } from '@temporalio/client';
import { defineSearchAttributeKey, SearchAttributeType, TypedSearchAttributes } from '@temporalio/common';
import type { Logger } from 'pino';
import type { ClaimedEmail } from '../domain/queue/queue.js';
import { PROVIDER_EVENT_SIGNAL } from '../domain/signals/deliver.js';
import type { Priority } from '../priority.js';
import { workflowIdOf, workflowQueueOf } from '../temporal/names.js';
import type { EmailInput } from '../workflows/input.js';

const emailPriority = defineSearchAttributeKey('EmailPriority', SearchAttributeType.KEYWORD);
const clientId = defineSearchAttributeKey('ClientId', SearchAttributeType.KEYWORD);

const START_TIMEOUT_MS = 5_000;
/**
 * The claim of critical e-mails is given up sooner when its transaction says nothing (`CRITICAL_IDLE_TIMEOUT` of the
 * queue): what Temporal has started until then is to be marked before.
 */
const CRITICAL_START_TIMEOUT_MS = 3_000;
/**
 * How long a worker that died in the middle of a workflow task keeps it from the others. A task takes milliseconds; at
 * the default of 10 s a critical e-mail that met such a death was handed over 16 s after its acceptance (measured).
 */
export const WORKFLOW_TASK_TIMEOUT = '3s';

/**
 * Starts the workflows of claimed e-mails, or wakes those that sleep, all at once. A workflow that runs already counts as
 * started. A closed one is followed by a new one: the record prevents sending twice, not Temporal's retention.
 *
 * @returns the ids of those started; the others stay in the queue.
 * @throws when none could be started.
 */
export async function startWorkflows(
  client: Client,
  priority: Priority,
  emails: readonly ClaimedEmail[],
  logger: Logger,
): Promise<string[]> {
  const timeoutMs = priority === 'critical' ? CRITICAL_START_TIMEOUT_MS : START_TIMEOUT_MS;
  const results = await client.withDeadline(Date.now() + timeoutMs, () =>
    Promise.allSettled(
      emails.map((email) =>
        email.awaitingProvider ? wakeWorkflow(client, email) : startWorkflow(client, priority, email),
      ),
    ),
  );
  const started = emails.filter((_, index) => results[index]!.status === 'fulfilled').map((email) => email.emailId);
  const failed = results.find((result) => result.status === 'rejected');
  if (failed && started.length === 0) throw failed.reason;
  if (failed) logger.warn({ priority, count: emails.length - started.length }, 'not all workflows could be started');
  return started;
}

/** Wakes a sleeping workflow. If it is gone, or an operator has ended it, the sweep mends that within a minute. */
async function wakeWorkflow(client: Client, { emailId }: ClaimedEmail): Promise<void> {
  try {
    await client.workflow.getHandle(workflowIdOf(emailId)).signal(PROVIDER_EVENT_SIGNAL, 'turn');
  } catch (error) {
    if (!(error instanceof WorkflowNotFoundError)) throw error;
  }
}

/** Starts the workflow of one e-mail. Its input and its summary hold nothing personal. */
export async function startWorkflow(
  client: Client,
  priority: Priority,
  email: Omit<ClaimedEmail, 'awaitingProvider'>,
): Promise<void> {
  const input: EmailInput = { emailId: email.emailId, priority };
  await client.workflow.start('email', {
    workflowId: workflowIdOf(email.emailId),
    taskQueue: workflowQueueOf(priority),
    args: [input],
    workflowIdReusePolicy: 'ALLOW_DUPLICATE',
    // A retried e-mail's former workflow may still be closing, or waiting for an upload: it carries another generation.
    workflowIdConflictPolicy: email.generation > 1 ? 'TERMINATE_EXISTING' : 'USE_EXISTING',
    workflowTaskTimeout: WORKFLOW_TASK_TIMEOUT,
    staticSummary: `${priority} e-mail`,
    typedSearchAttributes: new TypedSearchAttributes([
      { key: emailPriority, value: priority },
      { key: clientId, value: email.clientId },
    ]),
  });
}
