import { createHash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { PRIORITIES, type Priority } from '../src/priority.js';
import type { Stack } from '../test/support/stack.js';
import type { Drill } from './drill.js';

/** Long enough for every outage. */
const PATIENCE_MS = 10 * 60_000;
const AGAIN_AFTER_MS = { min: 200, max: 2_000 };
/** Every fifth e-mail carries one. */
const ATTACHMENT_EVERY = 5;
const ATTACHMENT_BYTES = 20_000;

/** One e-mail of the set, as the client that submitted it knows it. */
export interface KnownEmail {
  readonly n: number;
  readonly id: string;
  readonly priority: Priority;
  /** When the client had its answer, in milliseconds since 1970. */
  readonly acceptedMs: number;
  /** Magic receivers take their time on purpose. */
  readonly ordinary: boolean;
  readonly attachmentSha256: string | null;
}

/** When the e-mails of a set are submitted. */
interface Pace {
  readonly emails: number;
  /** From the first to the last e-mail. */
  readonly overMs: number;
  /** More follow at the same pace until this has come; undefined: none. */
  readonly until?: Promise<unknown>;
}

/**
 * Submits the set by HTTP as careful clients do: each e-mail at its moment, with an idempotency key, repeated until it
 * is accepted. A third of each priority, one after another.
 */
export async function submitSet(stack: Stack, drill: Drill, { emails, overMs, until }: Pace): Promise<KnownEmail[]> {
  const everyMs = overMs / emails;
  const one = async (n: number): Promise<KnownEmail> => {
    const priority = PRIORITIES[n % PRIORITIES.length]!;
    const magic = drill.receiver?.(n, emails);
    const bytes = n % ATTACHMENT_EVERY === 0 ? attachmentOf(n) : undefined;
    const id = await submitPatiently(stack, drill, `${drill.name}-${n}`, {
      priority,
      receiver: magic ?? `reader-${n}@example.org`,
      ...(bytes && { attachment: { filename: `part-${n}.bin`, bytes } }),
    });
    const acceptedMs = Date.now();
    const attachmentSha256 = bytes ? createHash('sha256').update(bytes).digest('hex') : null;
    return { n, id, priority, acceptedMs, ordinary: magic === undefined, attachmentSha256 };
  };
  const asked = Promise.all(Array.from({ length: emails }, (_, n) => delay(everyMs * n).then(() => one(n))));
  const more = until ? moreUntil(until, { everyMs, fromMs: overMs }, (n) => one(emails + n)) : [];
  return (await Promise.all([asked, more])).flat();
}

/** @param fromMs when the first is due, from now. */
async function moreUntil<T>(
  over: Promise<unknown>,
  { everyMs, fromMs }: { readonly everyMs: number; readonly fromMs: number },
  one: (n: number) => Promise<T>,
): Promise<T[]> {
  const begun: Promise<T>[] = [];
  const isOver = over.then(() => true);
  for (let waitMs = fromMs; !(await Promise.race([isOver, delay(waitMs, false)])); waitMs = everyMs) {
    const next = one(begun.length);
    // Looked at in the end.
    next.catch(() => {});
    begun.push(next);
  }
  return Promise.all(begun);
}

async function submitPatiently(
  stack: Stack,
  { onTrouble }: Drill,
  idempotencyKey: string,
  submission: Parameters<Stack['post']>[0],
): Promise<string> {
  const giveUpAt = Date.now() + PATIENCE_MS;
  let againAfterMs = AGAIN_AFTER_MS.min;
  for (;;) {
    const answer = await postOnce(stack, { ...submission, idempotencyKey });
    if (answer.id !== undefined) return answer.id;
    onTrouble?.(answer.trouble ?? 'no answer');
    if (!answer.repeat || Date.now() > giveUpAt) throw new Error(`e-mail ${idempotencyKey}: ${answer.trouble}`);
    await delay(againAfterMs);
    againAfterMs = Math.min(againAfterMs * 2, AGAIN_AFTER_MS.max);
  }
}

interface Answer {
  readonly id?: string;
  readonly repeat: boolean;
  readonly trouble?: string;
}

async function postOnce(stack: Stack, submission: Parameters<Stack['post']>[0]): Promise<Answer> {
  try {
    const response = await stack.post(submission);
    const text = await response.text();
    if (response.ok) return { id: (JSON.parse(text) as { id: string }).id, repeat: false };
    const repeat = response.status >= 500 || [408, 409, 429].includes(response.status);
    return { repeat, trouble: `refused with ${response.status}: ${text}` };
  } catch (error) {
    return { repeat: true, trouble: String(error) };
  }
}

/** Bytes that belong to one e-mail only: a mix-up would show. */
function attachmentOf(n: number): Buffer {
  const block = createHash('sha512').update(`attachment ${n}`).digest();
  return Buffer.concat(Array.from({ length: Math.ceil(ATTACHMENT_BYTES / block.length) }, () => block));
}
