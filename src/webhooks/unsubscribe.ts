import type { Middleware } from 'koa';
import { canUnsubscribe, unsubscribe } from '../domain/tracking/unsubscribe.js';
import { readUnsubscribePath } from '../domain/tracking/unsubscribe-link.js';
import { logStep } from '../process/life-log.js';
import type { WebhookDependencies } from './receive.js';

/**
 * `GET /unsubscribe/{id}.{generation}.{token}`: asks for a click, and changes nothing, because scanners and previews
 * follow links.
 */
export function showUnsubscribe({ db }: WebhookDependencies): Middleware {
  return async (ctx) => {
    const reference = readUnsubscribePath(ctx.params.reference);
    if (!reference || !(await canUnsubscribe(db, reference))) return answer(ctx, 404, UNKNOWN);
    answer(ctx, 200, QUESTION);
  };
}

/**
 * `POST /unsubscribe/{id}.{generation}.{token}`: unsubscribes, for the button of that page and for mail programs alike
 * (RFC 8058). Nothing in the body matters, and no cookie is needed.
 */
export function receiveUnsubscribe({ db, catalogue, life }: WebhookDependencies): Middleware {
  return async (ctx) => {
    const reference = readUnsubscribePath(ctx.params.reference);
    ctx.req.resume();
    if (!reference || !(await unsubscribe(db, reference, await catalogue()))) return answer(ctx, 404, UNKNOWN);
    logStep(life, 'unsubscribed', { emailId: reference.emailId });
    answer(ctx, 200, DONE);
  };
}

function answer(ctx: Parameters<Middleware>[0], status: number, body: string): void {
  ctx.status = status;
  ctx.set('Content-Type', 'text/html; charset=utf-8');
  ctx.set('Cache-Control', 'no-store');
  ctx.set('Referrer-Policy', 'no-referrer');
  ctx.set('X-Robots-Tag', 'noindex');
  ctx.set('Content-Security-Policy', "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'");
  ctx.body = body;
}

/** Nothing in it comes from the e-mail: whoever has the link learns no address from it. */
const page = (title: string, content: string) => `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>${title}</title>
<style>body{font:16px/1.5 system-ui,sans-serif;max-width:32rem;margin:15vh auto;padding:0 1rem}button{font:inherit;padding:.5rem 1rem}</style>
</head><body><h1>${title}</h1>${content}</body></html>`;

const WHAT = 'no more mailings from this sender. What you ask for, such as receipts and login codes, still comes.';
const QUESTION = page(
  'Unsubscribe',
  `<p>You will get ${WHAT}</p><form method="post"><button>Unsubscribe</button></form>`,
);
const DONE = page('Unsubscribed', `<p>You will get ${WHAT}</p>`);
const UNKNOWN = page('Not found', '<p>This link is not valid, or no longer.</p>');
