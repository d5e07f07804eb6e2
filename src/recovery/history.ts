import { defaultPayloadConverter, type Payload } from '@temporalio/common';
import type { temporal } from '@temporalio/proto';
import type { ProviderName } from '../config.js';
import type { SentEvidence, ToldTrace } from '../domain/recovery/verdict.js';
import { isProviderName } from '../providers/registry.js';

type History = temporal.api.history.v1.IHistory;
type HistoryEvent = temporal.api.history.v1.IHistoryEvent;

/** Activities that call a provider, or find out whether a call went through. */
const CALLING: ReadonlySet<string> = new Set(['send', 'reconcile']);

/** What the run's steps came to, so far as it has been read. */
interface Run {
  readonly sent: SentEvidence[];
  /** Of each activity that calls: what it was asked. Removed once its answer is read. */
  readonly open: Map<string, Asked>;
  isDoubtful: boolean;
  hasEnded: boolean;
  /** The latest one that it was of; null while its plan has not been read. */
  generation: number | null;
}

interface Asked {
  readonly provider?: unknown;
  readonly generation?: unknown;
}

/** The shapes of results that matter: of `send`, `reconcile`, and of steps on the workflow's own queue. */
interface Result {
  readonly kind?: unknown;
  readonly code?: unknown;
  readonly provider?: unknown;
  /** Of `persist`, both. */
  readonly stage?: unknown;
  readonly generation?: unknown;
  readonly unrecorded?: {
    readonly provider?: unknown;
    readonly generation?: unknown;
    readonly attempt?: unknown;
    readonly answer?: { readonly result?: { readonly kind?: unknown; readonly providerMessageId?: unknown } };
  };
}

/**
 * Reads from the histories of an e-mail's runs, the latest first, whether a provider has taken it. Of a call that has begun there may be no
 * answer; it is doubtful then, and so is all that this reader does not understand.
 *
 * @param generation what runs of an earlier one came to says nothing of it: it was to be sent again.
 */
export function traceOf(histories: readonly History[], generation = 1): ToldTrace {
  const runs = histories.map(readRun).filter((run) => run.generation === null || run.generation >= generation);
  if (runs.length === 0) return { kind: 'absent' };
  const sent = runs.flatMap((run) => run.sent).filter((evidence) => evidence.generation >= generation);
  if (sent.length > 0) return { kind: 'accepted', sent };
  if (runs.some((run) => run.isDoubtful || run.open.size > 0)) return { kind: 'doubtful' };
  return { kind: runs[0]?.hasEnded ? 'ended' : 'not_taken' };
}

function readRun({ events }: History): Run {
  const run: Run = { sent: [], open: new Map(), isDoubtful: false, hasEnded: false, generation: null };
  let asked: Asked = {};
  for (const event of events ?? []) {
    const scheduled = event.activityTaskScheduledEventAttributes;
    if (scheduled && CALLING.has(scheduled.activityType?.name ?? '')) {
      const request = decoded<Asked>(scheduled.input?.payloads?.[0]) ?? {};
      run.open.set(String(event.eventId), request);
      asked = { ...asked, ...request };
    }
    readAnswer(run, event, asked);
    readEnd(run, event);
  }
  return run;
}

function readAnswer(run: Run, event: HistoryEvent, last: Asked): void {
  const completed = event.activityTaskCompletedEventAttributes;
  const key = String(completed?.scheduledEventId);
  if (completed && run.open.has(key)) {
    const asked = { ...last, ...run.open.get(key) };
    run.open.delete(key);
    readResult(run, decoded<Result>(completed.result?.payloads?.[0]) ?? {}, asked, event);
    return;
  }
  // A failed activity stays open: it may have called before it failed.
  const marker = event.markerRecordedEventAttributes;
  const local = decoded<Result>(marker?.details?.result?.payloads?.[0]);
  if (local && typeof local === 'object') readResult(run, local, last, event);
}

function readResult(run: Run, result: Result, asked: Asked, event: HistoryEvent): void {
  if (result.kind === 'accepted') noteSent(run, { ...asked, provider: result.provider }, event);
  if (result.kind === 'unrecorded') readUnrecorded(run, result, event);
  if (result.kind === 'ended') run.hasEnded = true;
  // Given up as unknown, it may have been taken all the same.
  if (result.kind === 'ambiguous' || result.code === 'ambiguous') run.isDoubtful = true;
  if (typeof result.generation === 'number' && result.stage !== undefined) {
    run.generation = Math.max(run.generation ?? 0, result.generation);
  }
  // The plan of a run that began after the hand-over.
  if (result.stage === 'await_delivery' || result.stage === 'await_open') run.isDoubtful = true;
}

/** An answer that the record had not got yet: the history is all that has it. */
function readUnrecorded(run: Run, { unrecorded }: Result, event: HistoryEvent): void {
  const result = unrecorded?.answer?.result;
  if (result?.kind === 'accepted') noteSent(run, unrecorded!, event, result.providerMessageId);
  if (result?.kind === 'ambiguous' || result === undefined) run.isDoubtful = true;
}

function noteSent(
  run: Run,
  { provider, generation, attempt }: Asked & { readonly attempt?: unknown },
  event: HistoryEvent,
  providerMessageId: unknown = null,
): void {
  if (typeof provider !== 'string' || !isProviderName(provider) || typeof generation !== 'number') {
    run.isDoubtful = true;
    return;
  }
  run.sent.push({
    ...{ by: 'temporal', provider: provider as ProviderName, generation },
    attempt: typeof attempt === 'number' ? attempt : null,
    providerMessageId: typeof providerMessageId === 'string' ? providerMessageId : null,
    at: timeOf(event),
  });
}

function readEnd(run: Run, event: HistoryEvent): void {
  const isEnd =
    event.workflowExecutionCompletedEventAttributes ??
    event.workflowExecutionFailedEventAttributes ??
    event.workflowExecutionTerminatedEventAttributes ??
    event.workflowExecutionCanceledEventAttributes ??
    event.workflowExecutionTimedOutEventAttributes;
  if (isEnd) run.hasEnded = true;
}

const timeOf = ({ eventTime }: HistoryEvent): Date | null =>
  eventTime ? new Date(Number(eventTime.seconds ?? 0) * 1000 + (eventTime.nanos ?? 0) / 1e6) : null;

/** @returns undefined for nothing, and for what cannot be read. */
function decoded<T>(payload: Payload | null | undefined): T | undefined {
  if (!payload) return undefined;
  try {
    return (defaultPayloadConverter.fromPayload(payload) as T) ?? undefined;
  } catch {
    return undefined;
  }
}
