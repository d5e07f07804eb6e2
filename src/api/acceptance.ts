import { z } from 'zod';
import { domainOf } from '../address.js';
import type { AcceptResult } from '../domain/emails/accept.js';
import { Problem } from '../http/problem.js';
import { problemOfKey } from './authenticate.js';
import { priority } from './fields.js';
import { moment } from './routing/answers.js';
import type { ProblemCode } from './routing/problem-codes.js';
import type { ApiContext, Parameter } from './routing/route.js';

/** The header under which a request is accepted once, however often it comes. */
export const idempotencyKey = {
  schema: z
    .string()
    .regex(/^[\x21-\x7e]{1,255}$/)
    .optional()
    .meta({
      description: [
        'The same key with the same request gets the first answer again, byte for byte, and makes no second e-mail.',
        'Refused requests are not remembered.',
      ].join(' '),
      examples: ['order-4711'],
    }),
  refuse: () =>
    new Problem(
      400,
      'invalid_idempotency_key',
      'Idempotency-Key has to be 1 to 255 printable ASCII characters without spaces.',
    ),
} satisfies Parameter;

const accepted = z
  .object({
    id: z.uuid(),
    status: z.string().describe('`queued`, or `scheduled` with a `send_at` ahead.'),
    priority,
    created_at: moment,
    deadline_at: moment.describe('By when it has to be with a provider.'),
  })
  .meta({ id: 'Acceptance' });

/** The answer of a submission. */
export const acceptanceAnswer = (description: string) => ({
  status: 200 as const,
  description: `${description} It is committed when this is answered.`,
  schema: accepted,
  headers: { 'Idempotent-Replayed': '`true` when the same request was accepted before under its `Idempotency-Key`.' },
});

/** What `acceptance` and `idempotencyKey` throw. */
export const ACCEPTANCE_PROBLEMS = [
  'invalid_idempotency_key',
  'idempotency_key_in_flight',
  'idempotency_key_reused',
  'sender_not_allowed',
  'daily_limit_reached',
  'held',
] as const satisfies readonly ProblemCode[];

/** A submission that became an e-mail, now or before. */
export type Accepted = Extract<AcceptResult, { readonly acceptance: unknown }>;

/** @throws Problem when nothing was accepted. */
export function acceptedOnly(result: AcceptResult): Accepted {
  if (result.kind === 'key_in_flight') throw keyInFlight();
  if (result.kind === 'key_reused') throw keyReused();
  if (result.kind === 'limit_reached') throw limitReached();
  if (result.kind === 'key_lost') throw problemOfKey(result.state);
  if (result.kind === 'held') throw held();
  if (result.kind === 'original_removed') throw contentRemoved();
  if (result.kind === 'sender_refused') throw senderRefused(result);
  return result;
}

/** Answers a submission, of a form or of an older e-mail. @throws Problem when nothing was accepted. */
export function acceptance(ctx: ApiContext, submitted: AcceptResult): z.output<typeof accepted> {
  const result = acceptedOnly(submitted);
  if (result.kind === 'replayed') ctx.set('Idempotent-Replayed', 'true');
  const { id, status, priority, createdAt, deadlineAt } = result.acceptance;
  ctx.state.emailId = id;
  ctx.state.accepted = { priority, replayed: result.kind === 'replayed' };
  // Always in this order: a repeat builds the same bytes from what was stored.
  return { id, status, priority, created_at: createdAt, deadline_at: deadlineAt };
}

const keyInFlight = () =>
  new Problem(409, 'idempotency_key_in_flight', 'A request with this Idempotency-Key is being accepted. Ask again.', {
    headers: { 'Retry-After': '1' },
  });

const held = () =>
  new Problem(503, 'held', 'An operator does not take such mail for now. Submit it again later.', {
    headers: { 'Retry-After': '300' },
  });

/** @param at since when. */
export const contentRemoved = (at?: Date | null) => {
  const when = at ? ` on ${at.toISOString().slice(0, 10)}` : '';
  return new Problem(410, 'content_removed', `The content of this e-mail was removed${when} by retention.`);
};

const keyReused = () =>
  new Problem(422, 'idempotency_key_reused', 'This Idempotency-Key was used for another request.');

/** Says which command allows it: a new client may send as nobody, and whoever tries it first needs just that. */
export function senderRefused({ clientId, sender }: { readonly clientId: string; readonly sender: string }): Problem {
  const command = `tempost senders add ${clientId} ${domainOf(sender)}`;
  const detail = `This client may not send as ${sender}. An operator allows its domain by: ${command}`;
  const errors = [{ field: 'sender', code: 'not_allowed', message: 'is not an address that this client may send as' }];
  return new Problem(403, 'sender_not_allowed', detail, { errors });
}

const DAY_S = 24 * 60 * 60;

/** @returns the refusal of what is beyond a client's daily limit. */
export const limitReached = () =>
  new Problem(429, 'daily_limit_reached', 'This client has submitted what it may of this priority today (UTC).', {
    headers: { 'Retry-After': String(DAY_S - (Math.floor(Date.now() / 1000) % DAY_S)) },
  });
