import { Context } from '@temporalio/activity';
import type { Client } from '@temporalio/client';
import type { Logger } from 'pino';
import type { Config } from '../config.js';
import type { StatusCatalogue } from '../domain/emails/statuses.js';
import type { SteppedItem } from '../domain/jobs/kind.js';
import { type Progress, runSlice } from '../domain/jobs/run-slice.js';
import { PROVIDER_EVENT_SIGNAL } from '../domain/signals/deliver.js';
import type { Db } from '../postgres/database.js';
import { logStep } from '../process/life-log.js';
import type { ObjectStore } from '../storage/object-store.js';
import { workflowIdOf } from '../temporal/names.js';
import { isUuid } from '../uuid.js';
import { withHeartbeats } from './heartbeats.js';
import type { JobActivities } from './types.js';

/** What the steps of jobs are built over. */
export interface JobDependencies {
  readonly config: Pick<Config, 'deadlineMs' | 'providers'>;
  readonly db: Db;
  readonly catalogue: StatusCatalogue;
  readonly client: Client;
  readonly store: ObjectStore;
  readonly logger: Logger;
}

/** Short against the heartbeat's time-out and the shutdown's grace; long against what a slice costs Temporal. */
const SLICE_MS = 5_000;
const HEARTBEATS_MS = 2_000;
const WAKE_TIMEOUT_MS = 5_000;

/** The activities of the queue `jobs`. */
export function createJobActivities({ config, db, catalogue, client, store, logger }: JobDependencies): JobActivities {
  const { deadlineMs, providers } = config;
  const wake = (emailId: string) => {
    const handle = client.workflow.getHandle(workflowIdOf(emailId));
    const signal = client.withDeadline(Date.now() + WAKE_TIMEOUT_MS, () =>
      handle.signal(PROVIDER_EVENT_SIGNAL, 'turn'),
    );
    // One that is gone needs none, and one that misses it looks at the record by itself.
    signal.catch(() => {});
  };
  const tell = ({ jobId, target, state, code }: SteppedItem) => {
    if (isUuid(target)) logStep(logger, 'job', { emailId: target, jobId, state, code });
    else logger.info({ jobId, target, state, code }, 'job');
  };
  return {
    async runJobSlice(jobId: string): Promise<Progress> {
      const { cancellationSignal: signal } = Context.current();
      const context = { db, catalogue, deadlineMs, providers, store, wake, tell };
      const progress = await withHeartbeats(
        () => runSlice(context, jobId, { sliceMs: SLICE_MS, signal }),
        HEARTBEATS_MS,
      );
      logger.info({ jobId, ...progress }, 'job goes on');
      return progress;
    },
  };
}
