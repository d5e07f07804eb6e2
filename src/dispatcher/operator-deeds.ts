import type { Client, WorkflowExecutionInfo } from '@temporalio/client';
import { isNotFound } from '../temporal/not-found.js';

const REASON_CHARACTERS = 200;
const CALL_TIMEOUT_MS = 5_000;
/** The identity that ends a run which gives way to the e-mail's next generation: the server's own. */
const SERVER = 'history-service';

/** What somebody did to a workflow in Temporal. */
export interface Deed {
  readonly verb: 'terminate' | 'cancel' | 'reset' | 'pause';
  /** Names it: the run that ended, or the one that a reset began. */
  readonly runId: string;
  readonly reason: string | null;
  /** The same whichever of the two runs of a reset it is found by. */
  readonly eventKey: string;
  /** Where Temporal tells when it was done; else that is the time of the run. */
  readonly at?: Date;
}

export const keyOfEnd = (runId: string) => `temporal:${runId}`;
/** A run may be paused again and again. */
const keyOfPause = (runId: string, at: Date) => `temporal:pause:${runId}:${at.toISOString()}`;
export const keyOfReset = (begunRunId: string) => `temporal:reset:${begunRunId}`;

/** A run, as far as it takes to look at it. */
export type Run = Pick<WorkflowExecutionInfo, 'workflowId' | 'runId' | 'status'>;

/**
 * What ended a run that was terminated or cancelled.
 *
 * @returns undefined of what nobody did but ourselves, and of a run that was deleted after it was listed.
 */
export function endingOf(client: Client, { workflowId, runId, status }: Run): Promise<Deed | undefined> {
  return unlessDeleted(client, async () => {
    const { raw } = await client.workflow.getHandle(workflowId, runId).describe();
    const begun = raw.workflowExtendedInfo?.resetRunId;
    const { reason, identity } = await endOf(client, workflowId, runId);
    if (begun) return { verb: 'reset', runId: begun, reason, eventKey: keyOfReset(begun) };
    if (identity === SERVER) return undefined;
    return { verb: status.name === 'TERMINATED' ? 'terminate' : 'cancel', runId, reason, eventKey: keyOfEnd(runId) };
  });
}

/** Why a run was terminated, in the words of whoever did it; of a cancellation Temporal keeps none here. */
async function endOf(client: Client, workflowId: string, runId: string) {
  const { history } = await client.workflowService.getWorkflowExecutionHistory({
    namespace: client.options.namespace,
    execution: { workflowId, runId },
    // HISTORY_EVENT_FILTER_TYPE_CLOSE_EVENT
    historyEventFilterType: 2,
  });
  const end = history?.events?.at(-1)?.workflowExecutionTerminatedEventAttributes;
  return { reason: shortened(end?.reason), identity: end?.identity };
}

/**
 * The reset that began a run, as the run's own history tells it.
 *
 * @returns undefined of a run that only carries on what a reset began, and of one that was deleted after it was listed.
 */
export function resetOf(client: Client, { workflowId, runId }: Run): Promise<Deed | undefined> {
  return unlessDeleted(client, async () => {
    let nextPageToken: Uint8Array | null | undefined;
    do {
      const page = await client.workflowService.getWorkflowExecutionHistory({
        namespace: client.options.namespace,
        execution: { workflowId, runId },
        ...(nextPageToken && { nextPageToken }),
      });
      for (const { workflowTaskFailedEventAttributes: reset } of page.history?.events ?? []) {
        if (reset?.newRunId !== runId) continue;
        return { verb: 'reset', runId, reason: shortened(reset.failure?.message), eventKey: keyOfReset(runId) };
      }
      nextPageToken = page.nextPageToken;
    } while (nextPageToken?.length);
    return undefined;
  });
}

/**
 * The pause that a workflow, or a step of it, is in: the latest one.
 *
 * @returns undefined of one that goes on again, or was deleted, since it was listed.
 */
export function pauseOf(client: Client, { workflowId, runId }: Run): Promise<Deed | undefined> {
  return unlessDeleted(client, async () => {
    const { raw } = await client.workflow.getHandle(workflowId, runId).describe();
    const ofSteps = (raw.pendingActivities ?? []).map(({ pauseInfo }) => ({
      at: dateOf(pauseInfo?.pauseTime),
      reason: pauseInfo?.manual?.reason,
    }));
    const { pauseInfo } = raw.workflowExtendedInfo ?? {};
    const paused = [{ at: dateOf(pauseInfo?.pausedTime), reason: pauseInfo?.reason }, ...ofSteps]
      .flatMap(({ at, reason }) => (at ? [{ at, reason: shortened(reason) }] : []))
      .sort((a, b) => Number(b.at) - Number(a.at));
    const [latest] = paused;
    return latest && { verb: 'pause', runId, ...latest, eventKey: keyOfPause(runId, latest.at) };
  });
}

const dateOf = (time: { readonly seconds?: unknown; readonly nanos?: number | null } | null | undefined) =>
  time ? new Date(Number(time.seconds ?? 0) * 1000 + (time.nanos ?? 0) / 1e6) : undefined;

/** Temporal goes on listing a run for a while after it was deleted. What comes behind it has to be read all the same. */
async function unlessDeleted(client: Client, read: () => Promise<Deed | undefined>): Promise<Deed | undefined> {
  try {
    return await client.withDeadline(Date.now() + CALL_TIMEOUT_MS, read);
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

const shortened = (reason: string | null | undefined) => reason?.slice(0, REASON_CHARACTERS) || null;
