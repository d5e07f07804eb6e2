import { createHash, randomBytes } from 'node:crypto';
import { finished } from 'node:stream';
import type { Context, Middleware } from 'koa';
import type { Box } from './box.js';
import type { ProviderFaults } from './faults/faults.js';
import { composeMail, mailSizeBytes } from './inbox/mail.js';
import { courseOf, magicOf } from './magic.js';
import type { Message, ProviderName, Submission } from './message.js';
import { pause } from './waiting.js';

/** How a provider words what goes wrong. */
export interface Voice {
  unavailable(ctx: Context): void;
  throttled(ctx: Context, retryAfterS: number): void;
  wrongKey(ctx: Context): void;
  brokenAfterTaking(ctx: Context): void;
}

type Fault = (ctx: Context, voice: Voice, faults: ProviderFaults) => void;

/** The faults that strike before a call is looked at, in the order in which they win. */
const ON_ARRIVAL: readonly [keyof ProviderFaults, Fault][] = [
  ['reset', cut],
  ['hang', leaveUnanswered],
  ['down', (ctx, voice) => voice.unavailable(ctx)],
  ['throttled', (ctx, voice, { throttled }) => voice.throttled(ctx, throttled ? throttled.retryAfterS : 0)],
  ['wrongKey', (ctx, voice) => voice.wrongKey(ctx)],
];

/** The faults that strike once the message has been taken. */
const AFTER_TAKING: readonly [keyof ProviderFaults, Fault][] = [
  ['resetAfterTaking', cut],
  ['noAnswer', leaveUnanswered],
  ['errorAfterTaking', (ctx, voice) => voice.brokenAfterTaking(ctx)],
];

function cut(ctx: Context): void {
  ctx.respond = false;
  ctx.req.socket.resetAndDestroy();
}

function leaveUnanswered(ctx: Context): void {
  ctx.respond = false;
}

/** The first fault of a list that is on. */
function strike(list: typeof ON_ARRIVAL, ctx: Context, voice: Voice): boolean {
  const faults = faultsOf(ctx);
  const found = list.find(([name]) => faults[name]);
  found?.[1](ctx, voice, faults);
  return found !== undefined;
}

/** The faults drawn for this request. */
export function faultsOf(ctx: Context): ProviderFaults {
  return ctx.state.faults as ProviderFaults;
}

/** Every call to a provider comes in through here. */
export function arrival(box: Box, provider: ProviderName, voice: Voice): Middleware {
  return async (ctx, next) => {
    const faults = box.faults.forRequest(provider);
    ctx.state.faults = faults;
    const { latencyMs } = faults;
    if (latencyMs) {
      const delayMs = latencyMs.min + Math.random() * Math.max(0, latencyMs.max - latencyMs.min);
      if (!(await pause(delayMs, box.stopping))) return cut(ctx);
    }
    if (!strike(ON_ARRIVAL, ctx, voice)) await next();
  };
}

/** The pause point between a send's headers and its body: nothing is read from the socket meanwhile. */
export function readingBody(box: Box, provider: ProviderName): Middleware {
  return async (ctx, next) => {
    const reached = { point: 'while_reading_body', provider, email_id: null, generation: null, attempt: null } as const;
    if ((await box.pauses.reach(reached)) === 'held') ctx.state.heldWhileReading = true;
    await next();
  };
}

/** How long the end of a dead client's connection may take to come through behind the body that was held back. */
const HANG_UP_MS = 50;

/** Whether the client went away while its body was held back: then the message counts as not received in full. */
async function hungUp(ctx: Context): Promise<boolean> {
  if (!ctx.state.heldWhileReading) return false;
  await pause(HANG_UP_MS, new AbortController().signal);
  return isGone(ctx);
}

function isGone({ req }: Context): boolean {
  return req.socket.destroyed || req.socket.readableEnded;
}

interface Taking {
  readonly refusal?: string;
  readonly heldMs?: number;
}

/**
 * Takes a message and answers: journal, acceptance log, then whatever stands between taking and answering, then the
 * answer, then delivery.
 *
 * @param answer writes the provider's "taken".
 */
export async function take(
  ctx: Context,
  box: Box,
  voice: Voice,
  submission: Submission,
  answer: (message: Message) => void,
  { refusal, heldMs = 0 }: Taking = {},
): Promise<void> {
  if (await hungUp(ctx)) return cut(ctx);
  const message = describe(submission, refusal ?? null, heldMs);
  const reachesInbox = box.inbox !== null && courseOf(message).some((step) => step.type === 'delivered');
  const mail = reachesInbox ? await composeMail(submission, `${box.url}/o/${message.id}.gif`) : null;
  // With the inbox off nothing is written but the journal: load tests would measure the disk.
  if (box.inbox !== null) await box.store.contents.keep(message.id, submission);
  await box.store.take(message, mail);
  // Mailgun's look-ups show a message from the moment it is accepted.
  if (message.provider === 'mailgun') box.carrier.record(message, 'accepted');

  const who = {
    provider: message.provider,
    email_id: message.emailId,
    generation: message.generation,
    attempt: message.attempt,
  };
  if (box.faults.get().pausePoint === 'after_taking_before_answer') {
    // Only the answer is held: a real provider would deliver meanwhile.
    box.carrier.start(message);
    await box.pauses.reach({ point: 'after_taking_before_answer', ...who });
  }
  const magic = magicOf(message.receiver)?.answer;
  if (magic === 'cut' || magic === 'slow' || strikesAfterTaking(ctx)) {
    box.carrier.start(message);
    if (magic === 'cut') return cut(ctx);
    if (magic === 'slow' && !(await pause(box.faults.get().slowMs, box.stopping))) return cut(ctx);
    if (strike(AFTER_TAKING, ctx, voice)) return;
  }
  answer(message);
  finished(ctx.res, async () => {
    if (!isGone(ctx)) await box.pauses.reach({ point: 'just_after_answer', ...who });
    box.carrier.start(message);
  });
}

function strikesAfterTaking(ctx: Context): boolean {
  const faults = faultsOf(ctx);
  return AFTER_TAKING.some(([name]) => faults[name]);
}

function describe(submission: Submission, refusal: string | null, heldMs: number): Message {
  const { variables } = submission;
  return {
    id: randomBytes(16).toString('hex'),
    provider: submission.provider,
    providerMessageId: submission.providerMessageId,
    messageIdHeader: submission.messageIdHeader,
    emailId: variables.email_id ?? null,
    generation: numberOrNull(variables.generation),
    attempt: numberOrNull(variables.attempt),
    sender: submission.sender,
    receiver: submission.receiver,
    subject: submission.subject,
    headers: submission.headers,
    trackOpens: submission.trackOpens,
    tags: submission.tags,
    variables,
    attachments: submission.attachments.map(({ filename, contentType, bytes }) => ({
      filename,
      contentType,
      sizeBytes: bytes.length,
      sha256: createHash('sha256').update(bytes).digest('hex'),
    })),
    sizeBytes: mailSizeBytes(submission),
    acceptedAtMs: Date.now(),
    heldMs,
    refusal,
  };
}

function numberOrNull(text: string | undefined): number | null {
  const number = Number(text);
  return text === undefined || Number.isNaN(number) ? null : number;
}

/** The providers' limit for a whole message: 25 MB. */
export const MESSAGE_LIMIT_BYTES = 25 * 1024 * 1024;

/** Reads a request's body. @throws RangeError when it is longer than the limit. */
export async function readBody(ctx: Context, limitBytes: number): Promise<string> {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  for await (const chunk of ctx.req as AsyncIterable<Buffer>) {
    sizeBytes += chunk.length;
    if (sizeBytes > limitBytes) throw new RangeError('body too large');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
