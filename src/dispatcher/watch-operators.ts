import type { Client, WorkflowExecutionInfo } from '@temporalio/client';
import { sql } from 'kysely';
import type { Logger } from 'pino';
import { IN_TEMPORAL, recordAct } from '../domain/audit/record.js';
import type { Db } from '../postgres/database.js';
import { emailIdOf } from '../temporal/names.js';

/** The first look goes back so far: what was done while no dispatcher ran is listed as well. */
const FIRST_LOOK_MS = 24 * 60 * 60_000;
/** Temporal lists what has ended with a delay; what is found twice is written once. */
const OVERLAP_MS = 60_000;
/** In one look; the next ones go on from there. Somebody may have ended a hundred thousand by one command. */
const MOST = 200;
const PAGE = 1_000;
const REASON_CHARACTERS = 200;
const CALL_TIMEOUT_MS = 5_000;
/** The identity that ends a run which gives way to the e-mail's next generation: the server's own. */
const SERVER = 'history-service';

interface WatchDependencies {
  readonly db: Db;
  readonly client: Client;
  readonly logger: Logger;
}

/** What somebody did to a workflow in Temporal. */
interface Deed {
  readonly verb: 'terminate' | 'cancel' | 'reset';
  /** Names it: the run that ended, or the one that a reset began. */
  readonly runId: string;
  readonly reason: string | null;
}

/**
 * Notices workflows that were terminated, cancelled or reset in Temporal itself, and lists them in the audit; of those
 * that were reset, the ones that had not completed. Each is written once, however many dispatchers look.
 *
 * @returns a look, to be repeated; it says whether there may be more.
 */
export function createOperatorWatch({ db, client, logger }: WatchDependencies): () => Promise<boolean> {
  let since = Date.now() - FIRST_LOOK_MS;
  return async () => {
    const closed = await listClosed(client, since - OVERLAP_MS);
    const fresh = await unknownOf(db, closed);
    for (const { workflowId, runId, status, closeTime } of fresh.slice(0, MOST)) {
      const emailId = emailIdOf(workflowId);
      if (!emailId) continue;
      const deed = await deedOf(client, workflowId, runId, status.name);
      if (!deed) continue;
      const { verb, runId: about, reason } = deed;
      const noticed = await recordAct(db, IN_TEMPORAL, {
        action: `email.${verb}`,
        target: { kind: 'email', id: emailId },
        at: closeTime,
        after: { run_id: about },
        reason,
        eventKey: keyOf(runId),
      });
      if (noticed) logger.info({ emailId, action: `email.${verb}` }, 'an operator’s act in Temporal');
    }
    // Of what is left this is the oldest.
    since = fresh[MOST]?.closeTime?.getTime() ?? closed.at(-1)?.closeTime?.getTime() ?? since;
    return fresh.length > MOST;
  };
}

const keyOf = (runId: string) => `temporal:${runId}`;

/** The oldest first, so that the next look can go on behind them. */
async function listClosed(client: Client, sinceMs: number): Promise<WorkflowExecutionInfo[]> {
  const query = `WorkflowType = 'email' AND ExecutionStatus IN ('Terminated', 'Canceled')
    AND CloseTime >= '${new Date(sinceMs).toISOString()}'`;
  const found: WorkflowExecutionInfo[] = [];
  for await (const workflow of client.workflow.list({ query, pageSize: PAGE })) found.push(workflow);
  return found.sort((a, b) => Number(a.closeTime ?? 0) - Number(b.closeTime ?? 0));
}

async function unknownOf(db: Db, closed: readonly WorkflowExecutionInfo[]): Promise<WorkflowExecutionInfo[]> {
  if (closed.length === 0) return [];
  const keys = closed.map(({ runId }) => keyOf(runId));
  const known = await db
    .selectFrom('audit_log')
    .select('event_key')
    .where('event_key', '=', sql<string>`any(${keys}::text[])`)
    .execute();
  const names = new Set(known.map(({ event_key }) => event_key));
  return closed.filter(({ runId }) => !names.has(keyOf(runId)));
}

/** @returns undefined of what nobody did but ourselves. */
async function deedOf(client: Client, workflowId: string, runId: string, status: string): Promise<Deed | undefined> {
  return client.withDeadline(Date.now() + CALL_TIMEOUT_MS, async () => {
    const { raw } = await client.workflow.getHandle(workflowId, runId).describe();
    const resetRunId = raw.workflowExtendedInfo?.resetRunId;
    const { reason, identity } = await endOf(client, workflowId, runId);
    if (resetRunId) return { verb: 'reset', runId: resetRunId, reason };
    if (identity === SERVER) return undefined;
    return { verb: status === 'TERMINATED' ? 'terminate' : 'cancel', runId, reason };
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
  return { reason: end?.reason?.slice(0, REASON_CHARACTERS) || null, identity: end?.identity };
}
