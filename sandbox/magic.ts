import type { Happening, Message } from './message.js';

const MINUTE_MS = 60_000;

/** What happens at which time after the message was taken, in the provider's own time (before scaling). */
type Course = readonly { readonly type: Happening; readonly afterMs: number }[];

interface Magic {
  /** For the page that explains the sandbox. */
  readonly does: string;
  /** Instead of a plain "taken": `refuse` (not taken), `slow` (taken, answered late), `cut` (taken, connection reset). */
  readonly answer?: 'refuse' | 'slow' | 'cut';
  readonly course: Course;
}

const REFUSED: Course = [{ type: 'rejected', afterMs: 0 }];
const DELIVERED: Course = [{ type: 'delivered', afterMs: 0 }];

/** Receivers whose local part decides what becomes of a message; `defer+7@example.com` counts as `defer`. */
export const MAGIC: Readonly<Record<string, Magic>> = {
  reject: { does: 'is refused by the answer itself (Mailgun 400, Mandrill "rejected")', answer: 'refuse', course: [] },
  suppressed: {
    does: 'is on the provider’s own suppression list (Mailgun: failed, 605; Mandrill: "rejected", hard-bounce)',
    course: [{ type: 'suppressed', afterMs: 0 }],
  },
  'reject-later': {
    does: 'is taken, then rejected by the provider',
    course: [{ type: 'rejected', afterMs: 0 }],
  },
  'hard-bounce': { does: 'bounces for good', course: [{ type: 'hard_bounce', afterMs: 0 }] },
  'soft-bounce': {
    does: 'is deferred, then bounces softly',
    course: [
      { type: 'deferred', afterMs: 0 },
      { type: 'soft_bounce', afterMs: 10 * MINUTE_MS },
    ],
  },
  defer: {
    does: 'is deferred, then delivered',
    course: [
      { type: 'deferred', afterMs: 0 },
      { type: 'delivered', afterMs: 10 * MINUTE_MS },
    ],
  },
  open: {
    does: 'is delivered, then opened',
    course: [...DELIVERED, { type: 'opened', afterMs: MINUTE_MS }],
  },
  complaint: {
    does: 'is delivered, then marked as spam',
    course: [...DELIVERED, { type: 'complained', afterMs: MINUTE_MS }],
  },
  unsubscribe: {
    does: 'is delivered, then the reader unsubscribes',
    course: [...DELIVERED, { type: 'unsubscribed', afterMs: MINUTE_MS }],
  },
  slow: { does: 'is taken and delivered, but the call is answered late', answer: 'slow', course: DELIVERED },
  ambiguous: {
    does: 'is taken and delivered, but the connection is reset before the answer',
    answer: 'cut',
    course: DELIVERED,
  },
};

const localPart = (receiver: string) => (receiver.split('@')[0] ?? '').split('+')[0]?.toLowerCase() ?? '';

/** The magic of a receiver, if any. */
export function magicOf(receiver: string): Magic | undefined {
  const name = localPart(receiver);
  return Object.hasOwn(MAGIC, name) ? MAGIC[name] : undefined;
}

/** What becomes of a message, whether its receiver is magic or not. */
export function courseOf(message: Pick<Message, 'receiver' | 'refusal'>): Course {
  if (message.refusal !== null) return REFUSED;
  return magicOf(message.receiver)?.course ?? DELIVERED;
}
