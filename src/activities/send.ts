import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { AttemptId, Outcome } from '../db/attempt-steps.js';
import { noteNotAdmitted, recordOutcome } from '../db/attempts.js';
import { askPermission, type Permission } from '../db/permission.js';
import type { Failed, OutgoingMessage, Provider, SendResult } from '../providers/provider.js';
import type { ActivityDependencies } from './dependencies.js';
import { withHeartbeats } from './heartbeats.js';
import { composeMessage, readAttachment } from './message.js';
import type { SendOutcome, SendRequest, UnrecordedAnswer } from './types.js';

/** How often a second caller looks whether the first has finished. */
const LOOK_AGAIN_MS = 250;
/** How long an answer is held here while the database is away; afterwards the workflow's history keeps it. */
const HOLD_ANSWER_MS = 20_000;

/**
 * One try at one provider. Every way it can be repeated (a retry after a crash, a reset, a second worker) first looks
 * at what the record says has been done: a known outcome is adopted, an unknown one is left to `reconcile`.
 */
export function createSend(dependencies: ActivityDependencies) {
  return (request: SendRequest): Promise<SendOutcome> => withHeartbeats(() => sendOnce(dependencies, request));
}

async function sendOnce(dependencies: ActivityDependencies, request: SendRequest): Promise<SendOutcome> {
  const { config, providers } = dependencies;
  const provider = providers.get(request.provider);
  if (!provider) return withoutCall(dependencies, request, 'provider_not_configured');
  // Before the permission: reading it may take long, and the time of a call is short.
  const attachment = request.hasAttachment ? await attachmentOf(dependencies, request) : null;
  if (attachment && 'kind' in attachment) return attachment;

  const permission = await waitForPermission(dependencies, request);
  if (permission.kind !== 'granted') return notGranted(dependencies, request, permission);
  const { emailId, generation } = request;
  const id = { emailId, generation, attempt: permission.attempt, provider: provider.name };
  const message = composeMessage(config, permission.email, id, attachment);
  const result = await call(provider, message, permission.abortAt);
  if (result.kind !== 'accepted') logFailed(dependencies.logger, id, result);
  const answer = { result, lastOfRound: request.lastOfRound, noted: permission.noted };
  return recordHeld(dependencies, { ...id, answer });
}

/** One line a failed call, for whoever looks for the cause: codes and ids, never what the provider said. */
function logFailed(logger: Logger, id: AttemptId, { kind, code }: Failed): void {
  // What a provider refuses for good is the message's fault, and in the record: nobody needs to be called for it.
  logger[kind === 'rejected' ? 'info' : 'warn']({ ...id, kind, code }, 'call failed');
}

type Decided = Exclude<Permission, { kind: 'busy' }>;
type NotGranted = Exclude<Decided, { kind: 'granted' }>;

async function notGranted(
  { db }: ActivityDependencies,
  request: SendRequest,
  permission: NotGranted,
): Promise<SendOutcome> {
  if (permission.kind === 'ambiguous') return { kind: 'ambiguous', code: 'earlier_attempt' };
  if (permission.kind === 'not_admitted' && request.lastOfRound) await noteNotAdmitted(db, request);
  return permission;
}

/** What becomes of an e-mail that cannot be sent this way: it may have ended, or end of its lifetime. */
async function withoutCall(
  dependencies: ActivityDependencies,
  request: SendRequest,
  impossible: string,
): Promise<SendOutcome> {
  const permission = await waitForPermission(dependencies, request, impossible);
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

/** Asks until no other call is open; a call that outlives its time leaves an ambiguous attempt. */
async function waitForPermission(
  dependencies: ActivityDependencies,
  request: SendRequest,
  impossible?: string,
): Promise<Decided> {
  const { config, db, catalogue, priority } = dependencies;
  for (;;) {
    const permission = await askPermission(
      db,
      {
        emailId: request.emailId,
        generation: request.generation,
        provider: request.provider,
        dispatchedAtMs: request.dispatchedAtMs,
        callTimeoutMs: config.callTimeoutMs[priority],
        lifetimeMs: config.lifetimeMs[priority],
        impossible,
      },
      catalogue,
    );
    if (permission.kind !== 'busy') return permission;
    await delay(Math.min(permission.waitMs, LOOK_AGAIN_MS));
  }
}

async function call(provider: Provider, message: OutgoingMessage, abortAt: number): Promise<SendResult> {
  // The last look before anything is written: a process that slept through its time must not begin.
  const leftMs = abortAt - performance.now();
  if (leftMs <= 0) return { kind: 'unavailable', code: 'woke_too_late' };
  return provider.send(message, AbortSignal.timeout(Math.ceil(leftMs)));
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
  const { db, catalogue } = dependencies;
  return recordOutcome(db, unrecorded, unrecorded.answer, catalogue);
}

/** Writes down an answer that a workflow kept while the database was away. */
export function createRecordAnswer(dependencies: ActivityDependencies) {
  return (unrecorded: UnrecordedAnswer): Promise<Outcome> => writeDown(dependencies, unrecorded);
}
