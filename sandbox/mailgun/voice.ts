import type { Context } from 'koa';
import type { Voice } from '../calls.js';

/** Mailgun's errors are JSON with a `message` … */
export function say(ctx: Context, status: number, message: string): void {
  ctx.status = status;
  ctx.body = { message };
}

/** … but for a wrong key, which is a bare word. */
export function forbid(ctx: Context): void {
  ctx.status = 401;
  ctx.set('www-authenticate', 'Basic realm="MG API"');
  ctx.body = 'Forbidden';
}

export const mailgunVoice: Voice = {
  unavailable: (ctx) => say(ctx, 503, 'Service Unavailable'),
  throttled: (ctx, retryAfterS) => {
    ctx.set('retry-after', String(retryAfterS));
    say(ctx, 429, 'Too many requests');
  },
  wrongKey: forbid,
  brokenAfterTaking: (ctx) => say(ctx, 500, 'Internal Server Error'),
};
