import type { Context } from 'koa';
import { domainOf } from '../address.js';
import type { Acceptance, AcceptResult } from '../domain/emails/accept.js';
import { Problem } from '../http/problem.js';
import { type ApiState, problemOfKey } from './authenticate.js';

/** @returns the key, or undefined when there is none. @throws Problem 400 for one that cannot be a key. */
export function readIdempotencyKey(header: string): string | undefined {
  if (header === '') return undefined;
  if (/^[\x21-\x7e]{1,255}$/.test(header)) return header;
  const detail = 'Idempotency-Key has to be 1 to 255 printable ASCII characters without spaces.';
  throw new Problem(400, 'invalid_idempotency_key', detail);
}

/** Answers a submission, of a form or of an older e-mail. @throws Problem when nothing was accepted. */
export function answerAcceptance(ctx: Context & { state: ApiState }, result: AcceptResult): void {
  if (result.kind === 'in_flight') throw keyInFlight();
  if (result.kind === 'key_reused') throw keyReused();
  if (result.kind === 'limit_reached') throw limitReached();
  if (result.kind === 'key_lost') throw problemOfKey(result.state);
  if (result.kind === 'sender_refused') throw senderRefused(result);
  if (result.kind === 'replayed') ctx.set('Idempotent-Replayed', 'true');
  ctx.state.emailId = result.acceptance.id;
  ctx.type = 'application/json';
  ctx.body = answerOf(result.acceptance);
}

/** The answer's bytes; a repeat builds the same ones from what was stored. */
function answerOf({ id, status, priority, createdAt, deadlineAt }: Acceptance): string {
  return JSON.stringify({ id, status, priority, created_at: createdAt, deadline_at: deadlineAt });
}

const keyInFlight = () =>
  new Problem(409, 'idempotency_key_in_flight', 'A request with this Idempotency-Key is being accepted. Ask again.', {
    headers: { 'Retry-After': '1' },
  });

const keyReused = () =>
  new Problem(422, 'idempotency_key_reused', 'This Idempotency-Key was used for another request.');

/** Says which command allows it: a new client may send as nobody, and whoever tries it first needs just that. */
function senderRefused({ clientId, sender }: { readonly clientId: string; readonly sender: string }): Problem {
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
