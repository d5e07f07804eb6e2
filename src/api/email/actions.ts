import { createHash } from 'node:crypto';
import { z } from 'zod';
import { cancelEmail, isBackingOff, rescheduleEmail, type TooLate } from '../../domain/actions/cancel.js';
import { resendEmail } from '../../domain/actions/resend.js';
import type { Target } from '../../domain/audit/targets.js';
import { Problem } from '../../http/problem.js';
import {
  ACCEPTANCE_PROBLEMS,
  type Accepted,
  acceptance,
  acceptanceAnswer,
  acceptedOnly,
  idempotencyKey,
} from '../acceptance.js';
import { auditedByHand } from '../audit/audited.js';
import { jsonBody, route } from '../routing/route.js';
import { emailId, emailNotFound, scopeOf } from '../scope.js';
import { fault } from '../send/faults.js';
import { readSendAt } from '../send/fields.js';
import { RETRY_PROBLEMS, retry, retryAnswer, retryBody } from './retry.js';
import { emailAnswer } from './schema.js';
import { showEmail } from './view.js';

/** What can still be done about an e-mail. */

const cancel = route({
  method: 'post',
  path: '/api/email/{id}/cancel',
  operationId: 'cancelEmail',
  summary: 'Cancel an e-mail',
  description: [
    'Ends an e-mail that no provider has and nobody is sending at this moment. Once this is answered with 200 it is not',
    'sent, whatever its workflow is doing. Cancelling twice is cancelling once.',
  ].join(' '),
  tag: 'E-mails',
  access: { scope: 'send', role: 'operator' },
  params: { id: emailId },
  answer: { status: 200, description: 'The e-mail as it is now.', schema: emailAnswer },
  problems: ['email_not_found', 'too_late'],
  audit: { action: 'email.cancel', targets: ({ params }) => [{ kind: 'email', id: params.id }] },
  handle: async ({ params: { id } }, ctx, api) => {
    const { db, catalogue, waker } = api;
    ctx.state.emailId = id;
    const scope = scopeOf(ctx.state.client);
    const result = await cancelEmail(db, scope, id, catalogue);
    if (result.kind === 'not_found') throw emailNotFound();
    if (result.kind === 'too_late') throw tooLate(result.why);
    if (result.running) waker.wake(id, 'cancel');
    return showEmail(ctx, api, id);
  },
});

const sendAt = z
  .string()
  .transform((text, context) => {
    const read = readSendAt(text);
    if (typeof read !== 'string') return read;
    context.issues.push({ code: 'custom', message: fault('send_at', read).message, input: text });
    return z.NEVER;
  })
  .meta({ format: 'date-time', description: 'RFC 3339 with seconds and offset, at most 30 days ahead.' });

const reschedule = route({
  method: 'post',
  path: '/api/email/{id}/reschedule',
  operationId: 'rescheduleEmail',
  summary: 'Give a scheduled e-mail another time',
  description: 'Its deadline moves with it. Once its time has come it can only be cancelled.',
  tag: 'E-mails',
  access: { scope: 'send', role: 'operator' },
  params: { id: emailId },
  body: jsonBody(z.strictObject({ send_at: sendAt })),
  answer: { status: 200, description: 'The e-mail as it is now.', schema: emailAnswer },
  problems: ['email_not_found', 'too_late'],
  audit: { action: 'email.reschedule', targets: ({ params }) => [{ kind: 'email', id: params.id }] },
  handle: async ({ params: { id }, body }, ctx, api) => {
    const { db, catalogue, deadlineMs } = api;
    ctx.state.emailId = id;
    const scope = scopeOf(ctx.state.client);
    const changes = {
      sendAt: body.send_at.at,
      deadlineMs: (priority: keyof typeof deadlineMs) => deadlineMs[priority],
    };
    const result = await rescheduleEmail(db, scope, id, changes, catalogue);
    if (result.kind === 'not_found') throw emailNotFound();
    if (result.kind === 'too_late') throw tooLate(result.why);
    return showEmail(ctx, api, id);
  },
});

const retryEmail = route({
  method: 'post',
  path: '/api/email/{id}/retry',
  operationId: 'retryEmail',
  summary: 'Begin another life of an e-mail that is over',
  description: [
    'For one that is `dead`, `failed`, `bounced` or `suppressed`: it is queued anew, with a lifetime and a deadline from',
    'now, its history kept. To another `receiver` it counts against the client’s daily limit, and the client has to be',
    'allowed to send as its sender still. A receiver that is suppressed has to be removed from the suppressions first.',
  ].join(' '),
  tag: 'E-mails',
  access: { scope: 'send', role: 'operator' },
  params: { id: emailId },
  body: jsonBody(retryBody, { 'As it was': {}, 'To another address': { receiver: 'ada@example.org' } }),
  answer: { status: 200, description: 'It is queued again.', schema: retryAnswer },
  problems: RETRY_PROBLEMS,
  audit: { action: 'email.retry', targets: ({ params }) => [{ kind: 'email', id: params.id }] },
  handle: ({ params, body }, ctx, api) => retry(params.id, body, ctx, api),
});

const retryNow = route({
  method: 'post',
  path: '/api/email/{id}/retry-now',
  operationId: 'retryEmailNow',
  summary: 'Do not wait for the end of the back-off',
  description: 'The workflow is told through Temporal; without Temporal the next try comes when it would have come.',
  tag: 'E-mails',
  access: { scope: 'send', role: 'operator' },
  params: { id: emailId },
  answer: { status: 202, description: 'Its workflow is being told.', schema: z.object({ id: z.uuid() }) },
  problems: ['email_not_found', 'not_waiting'],
  audit: { action: 'email.retry_now', targets: ({ params }) => [{ kind: 'email', id: params.id }] },
  handle: async ({ params: { id } }, ctx, { db, waker }) => {
    ctx.state.emailId = id;
    const waits = await isBackingOff(db, scopeOf(ctx.state.client), id);
    if (waits === undefined) throw emailNotFound();
    if (!waits) throw new Problem(409, 'not_waiting', 'This e-mail is not waiting for its next try.');
    waker.wake(id, 'retryNow');
    return { id };
  },
});

const emailTarget = (id: string): Target => ({ kind: 'email', id });

const resend = route({
  method: 'post',
  path: '/api/email/{id}/resend',
  operationId: 'resendEmail',
  summary: 'Send the same content again, as a new e-mail',
  description: [
    'On purpose: the new e-mail names this one and has its content and attachment. An operator may do so for any',
    'client’s; the new one is that client’s, under its limits.',
  ].join(' '),
  tag: 'E-mails',
  access: { scope: 'send', role: 'operator' },
  params: { id: emailId },
  headers: { 'Idempotency-Key': idempotencyKey },
  answer: acceptanceAnswer('The new e-mail.'),
  problems: ['email_not_found', 'content_removed', ...ACCEPTANCE_PROBLEMS],
  audit: { byHand: 'email.resend' },
  handle: async ({ params: { id }, headers }, ctx, api) => {
    const key = headers['Idempotency-Key'];
    const requestHash = createHash('sha256').update(`resend ${id}`).digest();
    const { client } = ctx.state;
    const idempotency = key ? { clientId: client.id, key, requestHash } : null;
    const request = { deadlineMs: api.deadlineMs, idempotency, keyId: client.keyId };
    const act = {
      action: 'email.resend',
      targets: (made?: Accepted): Target[] => [id, ...(made ? [made.acceptance.id] : [])].map(emailTarget),
      // A repeat under its key makes nothing.
      isDone: ({ kind }: Accepted) => kind === 'accepted',
    };
    const result = await auditedByHand(ctx, api, act, async (trx) => {
      const made = await resendEmail(trx, scopeOf(client), id, request);
      if (!made) throw emailNotFound();
      return acceptedOnly(made);
    });
    return acceptance(ctx, result);
  },
});

export const emailActions = [cancel, reschedule, retryEmail, retryNow, resend];

const TOO_LATE: Record<TooLate, string> = {
  sending: 'It is being sent right now, or the outcome of a call is not known yet.',
  sent: 'A provider has it already.',
  over: 'It is over already; its status says how.',
  due: 'Its time has come: it is queued and may be sent any moment. It can be cancelled, as long as it is not sent.',
};

const tooLate = (why: TooLate) => new Problem(409, 'too_late', TOO_LATE[why]);
