import { BILLED, eventName } from '../harness/histories.js';
import type { World } from '../harness/world.js';
import type { Counts } from './metrics.js';

export type HistoryCounts = Pick<Counts, 'events' | 'actions' | 'history_bytes'>;

/** What a process is called in a history: `1234@host`. Hosts have names of any length. */
const PROCESS_NAME = /^\d+@/;

/** What a workflow has cost Temporal so far. */
export async function countHistory(world: World, workflowId: string): Promise<HistoryCounts> {
  const handle = world.temporal.workflow.getHandle(workflowId);
  const [{ raw, historyLength }, { events }] = await Promise.all([handle.describe(), handle.fetchHistory()]);
  return {
    events: Number(historyLength),
    actions: (events ?? []).filter((event) => BILLED.has(eventName(event.eventType))).length,
    history_bytes: Number(raw.workflowExecutionInfo?.historySizeBytes ?? 0) - bytesOfProcessNames(events),
  };
}

/** All names of processes in a value, however deep, together. */
function bytesOfProcessNames(value: unknown): number {
  if (typeof value === 'string') return PROCESS_NAME.test(value) ? Buffer.byteLength(value) : 0;
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return 0;
  return Object.values(value).reduce<number>((sum, each) => sum + bytesOfProcessNames(each), 0);
}

/** What came between two looks. */
export function since(before: HistoryCounts, after: HistoryCounts): HistoryCounts {
  return {
    events: after.events - before.events,
    actions: after.actions - before.actions,
    history_bytes: after.history_bytes - before.history_bytes,
  };
}
