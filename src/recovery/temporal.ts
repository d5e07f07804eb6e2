import type { Client } from '@temporalio/client';
import type { temporal as proto } from '@temporalio/proto';
import type { ToldTrace } from '../domain/recovery/verdict.js';
import { emailIdOf, workflowIdOf } from '../temporal/names.js';
import { isNotFound } from '../temporal/not-found.js';
import { traceOf } from './history.js';

/**
 * What Temporal tells of an e-mail's generation, and of later ones, by the histories of all its runs.
 *
 * @throws when Temporal does not answer.
 */
export async function readTrace(client: Client, emailId: string, generation: number): Promise<ToldTrace> {
  const workflowId = workflowIdOf(emailId);
  const runs = new Map<string, proto.api.history.v1.IHistory>();
  // The latest run is known at once; the index of all runs may lag.
  const latest = await latestRunOf(client, workflowId);
  const add = async (runId: string) => {
    const history = runs.has(runId) ? undefined : await historyOf(client, workflowId, runId);
    if (history) runs.set(runId, history);
  };
  if (latest) await add(latest);
  for await (const { runId } of client.workflow.list({ query: `WorkflowId = "${workflowId}"` })) await add(runId);
  return traceOf([...runs.values()], generation);
}

/** Not from its history: a run that was reset has its first events of the run before. */
async function latestRunOf(client: Client, workflowId: string): Promise<string | undefined> {
  try {
    return (await client.workflow.getHandle(workflowId).describe()).runId;
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

async function historyOf(client: Client, workflowId: string, runId: string) {
  try {
    return await client.workflow.getHandle(workflowId, runId).fetchHistory();
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

/** An e-mail that Temporal knows. */
export interface KnownWorkflow {
  readonly emailId: string;
  readonly startedAt: Date;
  readonly priority: string | null;
  readonly clientId: string | null;
}

/** Since which start; from Temporal so many a page. */
interface Started {
  readonly since: Date;
  readonly pageSize?: number;
}

/** The e-mails whose workflows were started since then, the latest first. @throws when Temporal does not answer. */
export async function* workflowsStarted(
  client: Client,
  { since, pageSize = 1_000 }: Started,
): AsyncIterable<KnownWorkflow> {
  const query = `WorkflowType = "email" AND StartTime >= "${since.toISOString()}"`;
  for await (const { workflowId, startTime, typedSearchAttributes } of client.workflow.list({ query, pageSize })) {
    const emailId = emailIdOf(workflowId);
    if (!emailId) continue;
    const told = new Map(typedSearchAttributes.getAll().map(({ key, value }) => [key.name, String(value)]));
    yield {
      emailId,
      startedAt: startTime,
      priority: told.get('EmailPriority') ?? null,
      clientId: told.get('ClientId') ?? null,
    };
  }
}

/** What tells whether Temporal's data are those that the record knew, and how far back they reach. */
export async function describeNamespace(client: Client, namespace: string) {
  const { namespaceInfo, config } = await client.workflowService.describeNamespace({ namespace });
  const retentionMs = Number(config?.workflowExecutionRetentionTtl?.seconds ?? 0) * 1000;
  return { id: namespaceInfo?.id ?? null, retentionMs };
}
