import type { Client } from '@temporalio/client';
import { mean } from './figures.js';

/** What one workflow costs Temporal, on average over a sample. */
export interface HistoryCost {
  readonly events: number;
  readonly bytes: number;
  /** What Temporal Cloud would bill: see `BILLED`. */
  readonly actions: number;
  readonly workflowTasks: number;
}

/**
 * Events that count as an action each. Source: Temporal Cloud documentation, "Actions". Local activities count once
 * for each workflow task that ran some, which is one marker in ours. Retries of activities count too, but leave no
 * event of their own; in a bench there are none.
 */
export const BILLED: ReadonlySet<string> = new Set([
  'EVENT_TYPE_WORKFLOW_EXECUTION_STARTED',
  'EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED',
  'EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED',
  'EVENT_TYPE_ACTIVITY_TASK_SCHEDULED',
  'EVENT_TYPE_TIMER_STARTED',
  'EVENT_TYPE_MARKER_RECORDED',
  'EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES',
]);

/** Reads the histories of the newest workflows of a type that have completed. */
export async function historyCost(temporal: Client, type: string, sample = 20): Promise<HistoryCost> {
  const costs: HistoryCost[] = [];
  const query = `WorkflowType="${type}" and ExecutionStatus="Completed"`;
  for await (const { workflowId } of temporal.workflow.list({ query })) {
    const handle = temporal.workflow.getHandle(workflowId);
    const [{ raw, historyLength }, { events }] = await Promise.all([handle.describe(), handle.fetchHistory()]);
    const types = (events ?? []).map((event) => eventName(event.eventType));
    costs.push({
      events: Number(historyLength),
      bytes: Number(raw.workflowExecutionInfo?.historySizeBytes ?? 0),
      actions: types.filter((name) => BILLED.has(name)).length,
      workflowTasks: types.filter((name) => name === 'EVENT_TYPE_WORKFLOW_TASK_COMPLETED').length,
    });
    if (costs.length === sample) break;
  }
  const average = (pick: (cost: HistoryCost) => number) => mean(costs.map(pick));
  return {
    events: average((cost) => cost.events),
    bytes: average((cost) => cost.bytes),
    actions: average((cost) => cost.actions),
    workflowTasks: average((cost) => cost.workflowTasks),
  };
}

/** The numbers of `temporal.api.enums.v1.EventType` that matter here. */
const NAMES: Readonly<Record<number, string>> = {
  1: 'EVENT_TYPE_WORKFLOW_EXECUTION_STARTED',
  7: 'EVENT_TYPE_WORKFLOW_TASK_COMPLETED',
  10: 'EVENT_TYPE_ACTIVITY_TASK_SCHEDULED',
  17: 'EVENT_TYPE_TIMER_STARTED',
  25: 'EVENT_TYPE_MARKER_RECORDED',
  26: 'EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED',
  40: 'EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES',
  41: 'EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED',
};

/** A type of event by its name; its number where it does not matter here. */
export const eventName = (type: unknown): string =>
  typeof type === 'number' ? (NAMES[type] ?? String(type)) : String(type);
