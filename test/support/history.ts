import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { inject } from 'vitest';

interface HistoryEvent {
  readonly eventType: string;
  /** RFC 3339, in UTC. */
  readonly eventTime: string;
  readonly activityTaskScheduledEventAttributes?: { activityType: { name: string } };
}

/**
 * A workflow's history as an operator sees it: `temporal workflow show --output json`, whole.
 *
 * @param runId without it, of the latest run.
 */
export async function showWorkflow(
  temporal: { readonly address: string; readonly namespace: string },
  workflowId: string,
  runId?: string,
): Promise<{ json: string; events: HistoryEvent[] }> {
  const where = ['--address', temporal.address, '--namespace', temporal.namespace];
  const run = ['--workflow-id', workflowId, ...(runId ? ['--run-id', runId] : [])];
  const { stdout } = await promisify(execFile)(
    inject('temporalCli'),
    ['workflow', 'show', ...run, '--output', 'json', ...where],
    { maxBuffer: 64 * 1024 * 1024 },
  );
  return { json: stdout, events: (JSON.parse(stdout) as { events: HistoryEvent[] }).events };
}

/**
 * A history without what a worker that stood still added to it: a workflow task that timed out, or failed to be taken
 * from the worker that had the workflow before, and is scheduled again.
 */
export function withoutLostTasks(events: readonly HistoryEvent[]): HistoryEvent[] {
  const kept: HistoryEvent[] = [];
  for (const event of events) {
    if (event.eventType !== 'EVENT_TYPE_WORKFLOW_TASK_TIMED_OUT') {
      kept.push(event);
      continue;
    }
    if (kept.at(-1)?.eventType === 'EVENT_TYPE_WORKFLOW_TASK_STARTED') kept.pop();
    if (kept.at(-1)?.eventType === 'EVENT_TYPE_WORKFLOW_TASK_SCHEDULED') kept.pop();
  }
  return kept;
}

/** Payloads are base64 in the JSON: their texts as well, so that a search finds what they hold. */
export function readableText(json: string): string {
  const decoded = [...json.matchAll(/"data":\s*"([A-Za-z0-9+/=]+)"/g)].map((match) =>
    Buffer.from(match[1]!, 'base64').toString('utf8'),
  );
  return [json, ...decoded].join('\n');
}
