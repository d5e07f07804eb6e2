import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { ProviderName } from '../config.js';
import { noteNotAdmitted, recordOutcome } from '../domain/attempts/outcomes.js';
import { askPermission, type Permission } from '../domain/attempts/permission.js';
import type { AttemptId, Outcome } from '../domain/attempts/transitions.js';
import { logStep } from '../process/life-log.js';
import { inSpan, noteOnSpan } from '../process/tracing/tracing.js';
import type { Failed, OutgoingMessage, SendResult } from '../providers/provider.js';
import type { Provider } from '../providers/registry.js';
import type { ActivityDependencies } from './dependencies.js';
import { withHeartbeats } from './heartbeats.js';
import { composeMessage, readAttachment } from './message.js';
import { countCall, countHandover } from './metrics.js';
import { traced } from './traced.js';
import type { SendOutcome, SendRequest, UnrecordedAnswer } from './types.js';

/** How often a second caller looks whether the first has finished. */
const LOOK_AGAIN_MS = 250;
/** While the database is away an answer is held here for so long; after that, the workflow's history keeps it. */
const HOLD_ANSWER_MS = 20_000;
/** So long an activity waits for a place under a provider's rate, to spare the workflow's history. */
const RATE_PATIENCE_MS = 10_000;
/** Up to this size a message takes no longer than any other: if the call is slow, the provider is. */
const LARGE_BYTES = 1024 * 1024;

/**
 * One try at one provider. Every way it can be repeated (a retry after a crash, a reset, a second worker) first looks
 * at what the record says has been done: a known outcome is adopted, an unknown one is left to `reconcile`.
 */
export function createSend(dependencies: ActivityDependencies) {
  return (request: SendRequest): Promise<SendOutcome> =>
    withHeartbeats(() => traced(dependencies, 'send', request, () => sendOnce(dependencies, request)));
}

/** The same without heartbeats. */
export async function sendOnce(dependencies: ActivityDependencies, request: SendRequest): Promise<SendOutcome> {
  const { config, providers, logger } = dependencies;
  const provider = providers.get(request.provider);
  if (!provider) return withoutCall(dependencies, request, 'provider_not_configured');
  // Before the permission: reading it may take long, and the time of a call is short.
  const attachment = request.hasAttachment ? await attachmentOf(dependencies, request) : null;
  if (attachment && 'kind' in attachment) return attachment;

  const permission = await waitForPermission(dependencies, { ...request, attachmentBytes: attachment?.bytes.length });
  if (permission.kind !== 'granted') return notGranted(dependencies, request, permission);
  const { emailId, generation } = request;
  const id = { emailId, generation, attempt: permission.attempt, provider: provider.name };
  const message = composeMessage(config, permission.email, id, attachment);
  logStep(logger, 'attempt', id);
  const startedAt = performance.now();
  const result = await tracedCall(provider, message, permission, id);
  countResult(dependencies, provider.name, result, { durationMs: performance.now() - startedAt, ...permission });
  if (result.kind !== 'accepted') logFailed(dependencies.logger, id, result);
  const others = config.providers.filter((name) => name !== provider.name);
  const answer = { result, lastOfRound: request.lastOfRound, noted: permission.noted, others };
  return recordHeld(dependencies, { ...id, answer });
}

function countResult(
  { config, priority }: ActivityDependencies,
  provider: ProviderName,
  result: SendResult,
  { durationMs, dueForMs }: { readonly durationMs: number; readonly dueForMs: number },
): void {
  countCall(provider, priority, result, durationMs);
  if (result.kind === 'accepted') countHandover(priority, dueForMs + durationMs, config.deadlineMs[priority]);
}

/** One line a failed call, for whoever looks for the cause: codes and ids, never what the provider said. */
function logFailed(logger: Logger, id: AttemptId, { kind, code }: Failed): void {
  // A refusal for good is the message's fault, and is in the record: no operator needs to see it in the log.
  logger[kind === 'rejected' ? 'info' : 'warn']({ ...id, kind, code }, 'call failed');
}

type Decided = Exclude<Permission, { kind: 'busy' }>;
type NotGranted = Exclude<Decided, { kind: 'granted' }>;

async function notGranted(
  { db, logger }: ActivityDependencies,
  request: SendRequest,
  permission: NotGranted,
): Promise<SendOutcome> {
  if (permission.kind === 'ambiguous') return { kind: 'ambiguous', code: 'earlier_attempt' };
  if (permission.kind === 'not_admitted' && request.lastOfRound) await noteNotAdmitted(db, request);
  if (permission.kind === 'ended') logStep(logger, 'outcome', { emailId: request.emailId, ...permission });
  return permission;
}

/** What becomes of an e-mail that cannot be sent this way. It may have ended, or its lifetime may end now. */
async function withoutCall(
  dependencies: ActivityDependencies,
  request: SendRequest,
  impossible: string,
): Promise<SendOutcome> {
  const permission = await waitForPermission(dependencies, { ...request, impossible });
  if (permission.kind === 'granted') throw new Error('a permission that was not asked for');
  return notGranted(dependencies, request, permission);
}

/** The attachment; or what has become of the e-mail, when it cannot be read and is not needed any more. */
async function attachmentOf(dependencies: ActivityDependencies, request: SendRequest) {
  try {
    return await readAttachment(dependencies, request.emailId);
  } catch (error) {
    const outcome = await withoutCall(dependencies, request, 'attachment_unreadable');
    if (outcome.kind !== 'not_admitted') return outcome;
    throw error;
  }
}

type Asked = Omit<SendRequest, 'lastOfRound' | 'hasAttachment'> & {
  readonly attachmentBytes?: number;
  readonly impossible?: string;
};

/**
 * Asks until no other call is open, and for a while until the provider's rate has a place; a call that outlives its
 * time leaves an ambiguous attempt.
 */
async function waitForPermission(dependencies: ActivityDependencies, request: Asked): Promise<Decided> {
  const giveUpAt = performance.now() + RATE_PATIENCE_MS;
  for (;;) {
    const permission = await askOnce(dependencies, request);
    if (permission.kind === 'busy') {
      await delay(Math.min(permission.waitMs, LOOK_AGAIN_MS));
      continue;
    }
    const crowded = permission.kind === 'not_admitted' && permission.code === 'rate_limited';
    if (!crowded || performance.now() + permission.waitMs > giveUpAt) return permission;
    await delay(permission.waitMs);
  }
}

/** One look at the record; no attempt is open yet. */
export function askOnce(
  { config, db, catalogue, priority }: ActivityDependencies,
  request: Asked,
): Promise<Permission> {
  const { emailId, generation, provider, dispatchedAtMs, attachmentBytes, impossible } = request;
  return askPermission(
    db,
    {
      ...{ emailId, generation, provider, dispatchedAtMs, attachmentBytes, impossible },
      callTimeoutMs: config.callTimeoutMs[priority],
      callTimeoutPerMbMs: config.callTimeoutPerMbMs,
      lifetimeMs: config.lifetimeMs[priority],
    },
    catalogue,
  );
}

/** The call itself, as the trace shows it beside what is written down before and after. */
function tracedCall(
  provider: Provider,
  message: OutgoingMessage,
  permission: CallLimits,
  { attempt, generation }: AttemptId,
) {
  const attributes = {
    ...{ 'tempost.provider': provider.name, 'tempost.attempt': attempt, 'tempost.generation': generation },
  };
  return inSpan('call', { kind: 'client', attributes }, async () => {
    const result = await call(provider, message, permission);
    noteOnSpan({ 'tempost.outcome': result.kind, 'tempost.code': 'code' in result ? result.code : undefined });
    return result;
  });
}

type CallLimits = Pick<Extract<Permission, { kind: 'granted' }>, 'abortAt' | 'sizeBytes'>;

async function call(
  provider: Provider,
  message: OutgoingMessage,
  { abortAt, sizeBytes }: CallLimits,
): Promise<SendResult> {
  // The last check before anything is sent: a process that slept through its time must not begin the call.
  const leftMs = abortAt - performance.now();
  if (leftMs <= 0) return { kind: 'unavailable', code: 'woke_too_late' };
  const result = await provider.send(message, AbortSignal.timeout(Math.ceil(leftMs)));
  // What was slow because it is large says nothing about the provider.
  if (result.kind === 'accepted' || result.code !== 'timeout' || sizeBytes <= LARGE_BYTES) return result;
  return { ...result, scope: 'message' };
}

/** Writes the answer down, patiently; when the database stays away, hands it to the workflow. */
async function recordHeld(dependencies: ActivityDependencies, unrecorded: UnrecordedAnswer): Promise<SendOutcome> {
  const giveUpAt = performance.now() + HOLD_ANSWER_MS;
  for (;;) {
    try {
      return await writeDown(dependencies, unrecorded);
    } catch (error) {
      const { code } = error as { code?: string };
      dependencies.logger.warn({ emailId: unrecorded.emailId, code }, 'answer not written down yet');
      if (performance.now() > giveUpAt) return { kind: 'unrecorded', unrecorded };
      await delay(LOOK_AGAIN_MS);
    }
  }
}

async function writeDown(dependencies: ActivityDependencies, unrecorded: UnrecordedAnswer): Promise<Outcome> {
  const { db, catalogue, logger } = dependencies;
  const { answer, ...id } = unrecorded;
  const outcome = await recordOutcome(db, id, answer, catalogue);
  logStep(logger, 'outcome', { ...id, ...outcome });
  return outcome;
}

/** Writes down an answer that a workflow kept while the database was away. */
export function createRecordAnswer(dependencies: ActivityDependencies) {
  return (unrecorded: UnrecordedAnswer): Promise<Outcome> => writeDown(dependencies, unrecorded);
}
