import { createHash } from 'node:crypto';
import type Router from '@koa/router';
import { z } from 'zod';
import { cancelEmail, isBackingOff, rescheduleEmail, type TooLate } from '../../domain/actions/cancel.js';
import { resendEmail } from '../../domain/actions/resend.js';
import { findEmailView } from '../../domain/emails/view.js';
import { Problem } from '../../http/problem.js';
import { answerAcceptance, readIdempotencyKey } from '../acceptance.js';
import type { ApiState, Authenticate } from '../authenticate.js';
import { readJson } from '../json-body.js';
import { emailIdIn, emailNotFound, scopeOf } from '../scope.js';
import { fault } from '../send/faults.js';
import { readSendAt } from '../send/schema.js';
import type { WorkflowWaker } from '../workflow-waker.js';
import { handleRetry, type RetryDependencies } from './retry.js';
import { answerView } from './view.js';

const sendAt = z.string().transform((text, context) => {
  const read = readSendAt(text);
  if (typeof read !== 'string') return read;
  context.issues.push({ code: 'custom', message: fault('send_at', read).message, input: text });
  return z.NEVER;
});

export interface EmailRouteOptions extends RetryDependencies {
  readonly authenticate: Authenticate;
  readonly waker: WorkflowWaker;
}

/** What can still be done about an e-mail; see `docs/api.md`. */
export function addEmailActions(router: Router<ApiState>, options: EmailRouteOptions): void {
  const { db, authenticate, catalogue, deadlineMs, waker } = options;

  router.post('/api/email/:id/cancel', authenticate, async (ctx) => {
    const emailId = emailIdIn(ctx);
    ctx.state.emailId = emailId;
    const scope = scopeOf(ctx.state.client);
    const result = await cancelEmail(db, scope, emailId, catalogue);
    if (result.kind === 'not_found') throw emailNotFound();
    if (result.kind === 'too_late') throw tooLate(result.why);
    if (result.running) waker.wake(emailId, 'cancel');
    answerView(ctx, await findEmailView(db, scope, emailId));
  });

  router.post('/api/email/:id/reschedule', authenticate, async (ctx) => {
    const emailId = emailIdIn(ctx);
    ctx.state.emailId = emailId;
    const scope = scopeOf(ctx.state.client);
    const body = await readJson(ctx, z.strictObject({ send_at: sendAt }));
    const changes = {
      sendAt: body.send_at.at,
      deadlineMs: (priority: keyof typeof deadlineMs) => deadlineMs[priority],
    };
    const result = await rescheduleEmail(db, scope, emailId, changes, catalogue);
    if (result.kind === 'not_found') throw emailNotFound();
    if (result.kind === 'too_late') throw tooLate(result.why);
    answerView(ctx, await findEmailView(db, scope, emailId));
  });

  router.post('/api/email/:id/retry', authenticate, handleRetry(options));

  router.post('/api/email/:id/retry-now', authenticate, async (ctx) => {
    const emailId = emailIdIn(ctx);
    ctx.state.emailId = emailId;
    const waits = await isBackingOff(db, scopeOf(ctx.state.client), emailId);
    if (waits === undefined) throw emailNotFound();
    if (!waits) throw new Problem(409, 'not_waiting', 'This e-mail is not waiting for its next try.');
    waker.wake(emailId, 'retryNow');
    ctx.status = 202;
    ctx.body = { id: emailId };
  });

  router.post('/api/email/:id/resend', authenticate, async (ctx) => {
    const emailId = emailIdIn(ctx);
    const key = readIdempotencyKey(ctx.get('Idempotency-Key'));
    const requestHash = createHash('sha256').update(`resend ${emailId}`).digest();
    const { client } = ctx.state;
    const idempotency = key ? { clientId: client.id, key, requestHash } : null;
    const options = { deadlineMs, idempotency, keyId: client.keyId };
    const result = await resendEmail(db, scopeOf(client), emailId, options);
    if (!result) throw emailNotFound();
    answerAcceptance(ctx, result);
  });
}

const TOO_LATE: Record<TooLate, string> = {
  sending: 'It is being sent right now, or the outcome of a call is not known yet.',
  sent: 'A provider has it already.',
  over: 'It is over already; its status says how.',
  due: 'Its time has come: it is queued and may be sent any moment. It can be cancelled, as long as it is not sent.',
};

const tooLate = (why: TooLate) => new Problem(409, 'too_late', TOO_LATE[why]);
