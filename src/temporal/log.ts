import type { LogEntry } from '@temporalio/worker';
import type { Logger } from 'pino';

/** What the SDK warns of and we mean: the workers of `send-<priority>` have no workflows. */
const MEANT = /^No workflows registered/;

/**
 * While Temporal is away, its core says so for each poller that tries again: 420 lines in an outage of a minute. One
 * line of a kind in this time is enough; it tells how many were like it.
 */
const SAME_AGAIN_MS = 30_000;

/** Numbers apart, two lines are of one kind. */
const kindOf = (message: string, { workflowId, code }: ReturnType<typeof fieldsOf>) =>
  [message.replace(/\d+/g, '#'), workflowId, code].join(' ');

/** More kinds than there are lines in the core's sources: a memory bound, no more. */
const MAX_KINDS = 500;

/** Writes an entry to our log; one of the core's only if none of its kind was written just now. */
export function quietly(logger: Logger, now: () => number = Date.now): (entry: LogEntry) => void {
  const kinds = new Map<string, { readonly writtenAt: number; leftOut: number }>();
  return ({ level, message, meta }) => {
    if (MEANT.test(message)) return;
    const fields = fieldsOf(meta ?? {});
    const kind = kindOf(message, fields);
    const last = fields.sdkComponent === 'core' ? kinds.get(kind) : undefined;
    if (last && now() - last.writtenAt < SAME_AGAIN_MS) {
      last.leftOut++;
      return;
    }
    if (kinds.size >= MAX_KINDS) kinds.clear();
    kinds.set(kind, { writtenAt: now(), leftOut: 0 });
    const likeIt = last?.leftOut ? { alsoLikeIt: last.leftOut } : {};
    logger[level === 'ERROR' ? 'error' : 'warn']({ ...fields, ...likeIt }, wordsOf(message));
  };
}

/**
 * Ids and codes only. An error's text may quote data: its name, or the code and the kind within it, are enough to know
 * where to look in the Web UI.
 */
function fieldsOf(meta: Record<string, unknown>) {
  const { error } = meta;
  const text = typeof error === 'string' ? error : '';
  return {
    sdkComponent: meta.sdkComponent,
    workflowId: meta.workflowId ?? meta.workflow_id,
    runId: meta.runId ?? meta.run_id,
    activityType: meta.activityType,
    taskQueue: meta.taskQueue ?? meta.task_queue,
    error: error instanceof Error ? error.name : undefined,
    code: /\bcode: ["']?([\w ]{1,40})/.exec(text)?.[1],
    cause: /\bkind: (\w{1,40})/.exec(text)?.[1],
  };
}

/** The sentence without what may follow it: the core prints a failure's contents behind it. */
function wordsOf(message: string): string {
  const words = message.split(/[{"\n]|\b(?:Status|Failure)\b/, 1)[0] as string;
  return words
    .replace(/\S+@\S+/g, '…')
    .trim()
    .slice(0, 200);
}
