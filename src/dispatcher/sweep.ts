import { type Client, WorkflowNotFoundError } from '@temporalio/client';
import type { Logger } from 'pino';
import { findWork } from '../domain/attempts/plan.js';
import { findStraySpools } from '../domain/emails/attachments.js';
import type { StatusCatalogue } from '../domain/emails/statuses.js';
import { buryStopped, leaveQueue, requeue, type Suspect, takeSuspects } from '../domain/queue/queue.js';
import { openRecovery } from '../domain/recovery/recoveries.js';
import type { Db } from '../postgres/database.js';
import { logStep } from '../process/life-log.js';
import { inParallel } from '../process/parallel.js';
import { workflowIdOf } from '../temporal/names.js';
import { startWorkflow } from './start.js';

const BATCH = 200;
/** How many are looked at side by side: after Temporal's data were lost, every e-mail on its way is. */
const AT_ONCE = 20;

interface SweepDependencies {
  readonly db: Db;
  readonly client: Client;
  readonly catalogue: StatusCatalogue;
  readonly logger: Logger;
  readonly againAfterMs: number;
}

/**
 * Looks at the workflows of e-mails that are overdue, and mends what Temporal lost:
 * not found → started again; ended by an operator or by a fault → dead, never restarted by itself; completed → the
 * record says what is left.
 *
 * While a recovery goes on it does nothing: the record is older than what it would mend.
 *
 * @returns how many e-mails were looked at; a full batch means that there may be more.
 */
export async function sweep(dependencies: SweepDependencies): Promise<{ looked: number; full: boolean }> {
  if (await openRecovery(dependencies.db)) return { looked: 0, full: false };
  const suspects = await takeSuspects(dependencies.db, dependencies.againAfterMs, BATCH);
  await inParallel(suspects.length, AT_ONCE, (n) => mend(dependencies, suspects[n]!));
  return { looked: suspects.length, full: suspects.length === BATCH };
}

async function mend(dependencies: SweepDependencies, suspect: Suspect): Promise<void> {
  const { db, catalogue, logger } = dependencies;
  const { emailId, state } = suspect;
  const workflow = await stateOfWorkflow(dependencies.client, emailId);
  if (workflow === 'running') return;
  logger.warn({ emailId, state, workflow }, 'an e-mail on its way has no running workflow');
  const work = await findWork(db, emailId, catalogue);
  const rule = work && catalogue.get(work.status);
  if (!work || rule?.final) return leaveQueue(db, suspect);
  // Taken in this generation, or in an older one that nobody knew of when it was retried.
  const withProvider = work.accepted || rule?.survives;
  if (workflow === 'stopped') return withProvider ? leaveQueue(db, suspect) : buryAndTell(dependencies, suspect);
  if (!withProvider) return requeue(db, suspect);
  // It is with a provider. A completed workflow has waited for news as long as it should; a lost one has not.
  if (workflow === 'completed') return leaveQueue(db, suspect);
  await startWorkflow(dependencies.client, suspect.priority, { emailId, ...work });
}

async function buryAndTell({ db, catalogue, logger }: SweepDependencies, suspect: Suspect): Promise<void> {
  const status = await buryStopped(db, suspect, catalogue);
  if (!status) return;
  const { emailId, generation } = suspect;
  logStep(logger, 'outcome', { emailId, generation, kind: 'ended', status, code: 'stopped_in_temporal' });
}

/**
 * Starts the workflows of e-mails that have ended but for the upload of their attachments, where Temporal has lost
 * them. Such a workflow sends nothing: the record says that it is over.
 */
export async function finishUploads(dependencies: Omit<SweepDependencies, 'catalogue'>): Promise<void> {
  const { db, client, logger, againAfterMs } = dependencies;
  for (const { priority, ...email } of await findStraySpools(db, againAfterMs, BATCH)) {
    if ((await stateOfWorkflow(client, email.emailId)) !== 'lost') continue;
    logger.warn({ emailId: email.emailId }, 'the upload of an attachment was lost with its workflow');
    await startWorkflow(client, priority, email);
  }
}

type WorkflowState = 'running' | 'completed' | 'stopped' | 'lost';

async function stateOfWorkflow(client: Client, emailId: string): Promise<WorkflowState> {
  try {
    const { status } = await client.workflow.getHandle(workflowIdOf(emailId)).describe();
    if (status.name === 'RUNNING' || status.name === 'CONTINUED_AS_NEW' || status.name === 'PAUSED') return 'running';
    return status.name === 'COMPLETED' ? 'completed' : 'stopped';
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return 'lost';
    throw error;
  }
}
