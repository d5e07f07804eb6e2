import type { Context } from 'koa';
import type { Voice } from '../calls.js';

/** Mandrill's errors: nearly always HTTP 500, told apart by name. */
const CODES = {
  Invalid_Key: -1,
  ValidationError: -2,
  GeneralError: -99,
  ServiceUnavailable: 8,
  RequestLimitExceeded: 9,
  Unknown_Message: 11,
} as const;

export function fail(ctx: Context, name: keyof typeof CODES, message: string, status = 500): void {
  ctx.status = status;
  ctx.body = { status: 'error', code: CODES[name], name, message };
}

export const mandrillVoice: Voice = {
  unavailable: (ctx) => fail(ctx, 'ServiceUnavailable', 'The service is down for maintenance', 503),
  throttled: (ctx, retryAfterS) => {
    ctx.set('retry-after', String(retryAfterS));
    fail(ctx, 'RequestLimitExceeded', 'Too many requests', 429);
  },
  wrongKey: (ctx) => fail(ctx, 'Invalid_Key', 'Invalid API key'),
  brokenAfterTaking: (ctx) => fail(ctx, 'GeneralError', 'An unexpected error occurred'),
};
