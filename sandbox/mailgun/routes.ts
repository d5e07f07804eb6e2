import Router from '@koa/router';
import type { Middleware } from 'koa';
import type { Box } from '../box.js';
import { arrival, readingBody } from '../calls.js';
import { getEvents, listLogs } from './look-up.js';
import { readParts, sendMessage } from './send.js';
import { forbid, mailgunVoice, say } from './voice.js';

/** Mailgun's API, as far as it concerns sending and looking up. */
export function mailgunRoutes(box: Box): Router {
  const router = new Router();
  const arrives = arrival(box, 'mailgun', mailgunVoice);
  const checks = [authenticate(box), knownDomain(box)];
  router.post('/v3/:domain/messages', arrives, ...checks, readingBody(box, 'mailgun'), readParts, sendMessage(box));
  router.get('/v3/:domain/events', arrives, ...checks, getEvents(box));
  router.get('/v3/:domain/events/:page', arrives, ...checks, getEvents(box));
  router.get('/v4/domains/:domain', arrives, ...checks, (ctx) => {
    ctx.body = { domain: { name: ctx.params.domain, state: 'active', is_disabled: false } };
  });
  router.post('/v1/analytics/logs', arrives, authenticate(box), listLogs(box));
  return router;
}

/** Whatever Mailgun has no route for gets a greeting and 200, however wrong it is. */
export const greeting: Middleware = (ctx) => {
  ctx.status = 200;
  ctx.body = 'Mailgun Magnificent API';
};

function authenticate(box: Box): Middleware {
  const expected = `Basic ${Buffer.from(`api:${box.options.mailgun.apiKey}`).toString('base64')}`;
  return async (ctx, next) => {
    if (ctx.get('authorization') !== expected) return forbid(ctx);
    await next();
  };
}

function knownDomain(box: Box): Middleware {
  return async (ctx, next) => {
    if (ctx.params.domain !== box.options.mailgun.domain) {
      return say(ctx, 404, `Domain not found: ${ctx.params.domain}`);
    }
    await next();
  };
}
