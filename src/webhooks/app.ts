import { setTimeout } from 'node:timers/promises';
import { Router } from '@koa/router';
import Koa, { type Middleware } from 'koa';
import { signalsOf } from '../domain/signals/deliver.js';
import { PIXEL_GIF, PIXEL_HEADERS, recordPixelOpen } from '../domain/tracking/pixel.js';
import { boundLeftovers } from '../http/leftovers.js';
import { PROBLEM_TYPE, Problem, problemBody, problemOfStatus, toProblem } from '../http/problem.js';
import { createLane, type Lane } from '../process/lane.js';
import { logStep } from '../process/life-log.js';
import { NotUnderstoodError, WebhookRefusedError } from '../providers/webhook-format/format.js';
import { Bodies } from './body.js';
import { countRefusal } from './metrics.js';
import { receiveWebhook, type WebhookDependencies } from './receive.js';
import { receiveUnsubscribe, showUnsubscribe } from './unsubscribe.js';

/** A reader waits for an image at most this long; an open that takes longer is still recorded. */
const PIXEL_PATIENCE_MS = 2_000;
/** Providers have schedules of their own; this is for whoever honours it. */
const RETRY_AFTER_S = '30';

/** The webhooks service: providers' webhooks, the tracking pixel, unsubscribing, health. */
export function createWebhooksApp(dependencies: WebhookDependencies): Koa {
  const router = new Router();
  const { sources, limits } = dependencies;
  const bodies = new Bodies(limits);
  const readers = createLane(limits.pixelsAtOnce, limits.pixelsWaiting);
  for (const source of sources) {
    const path = `/webhooks/${source.provider}`;
    router.post(path, receiveWebhook(dependencies, bodies, source)).head(path, exists);
  }
  router.get('/api/email/:id/open', showPixel(dependencies, readers));
  router.get('/unsubscribe/:reference', inTurn(readers), showUnsubscribe(dependencies));
  router.post('/unsubscribe/:reference', inTurn(readers), receiveUnsubscribe(dependencies));
  router.get('/healthz', (ctx) => {
    ctx.body = { status: 'ok' };
  });
  router.get('/readyz', showReadiness(dependencies));

  const app = new Koa();
  app.use(boundLeftovers(limits)).use(answerProblems(dependencies)).use(router.routes()).use(router.allowedMethods());
  // What is left after `answerProblems` are connections that broke while they were being answered.
  app.on('error', (error: { code?: string }) => dependencies.logger.warn({ code: error.code }, 'connection lost'));
  return app;
}

/** Providers check an address with HEAD, unsigned, before they use it. */
const exists: Middleware = (ctx) => {
  ctx.status = 200;
};

/** Readers, and whoever pretends to be one, use few of the connections that webhooks need. */
const inTurn =
  (readers: Lane): Middleware =>
  async (_ctx, next) => {
    const turn = readers.run(next);
    if (!turn) throw new Problem(503, 'too_many_requests', 'Too many requests are waiting at this moment.');
    await turn;
  };

function showPixel({ db, catalogue, notify, logger, life }: WebhookDependencies, readers: Lane): Middleware {
  const record = async (emailId: string) => {
    try {
      const { recorded, signals, status = 'opened' } = await recordPixelOpen(db, await catalogue(), emailId, logger);
      if (recorded) logStep(life, 'opened', { emailId });
      notify(signalsOf(emailId, signals, status));
    } catch (error) {
      logger.warn({ code: codeOf(error) }, 'an open could not be recorded');
    }
  };
  return async (ctx) => {
    // HEAD shows nothing to anybody: scanners send it.
    if (ctx.method === 'GET') {
      await Promise.race([
        readers.run(() => record(ctx.params.id)),
        setTimeout(PIXEL_PATIENCE_MS, undefined, { ref: false }),
      ]);
    }
    ctx.set(PIXEL_HEADERS);
    ctx.body = PIXEL_GIF;
  };
}

function showReadiness({ readiness }: WebhookDependencies): Middleware {
  return async (ctx) => {
    await readiness.assertReady();
    ctx.body = { status: 'ready' };
  };
}

/** Shapes every error, in one place. */
function answerProblems({ logger }: WebhookDependencies): Middleware {
  return async (ctx, next) => {
    let problem: Problem | undefined;
    try {
      await next();
      if (ctx.status >= 400 && ctx.body == null) problem = problemOfStatus(ctx.status);
    } catch (error) {
      problem = problemOfWebhook(error) ?? toProblem(error);
      // Where a fault of ours comes from; trouble with the database has no place.
      if (problem.status === 500) logger.error({ code: codeOf(error), at: framesOf(error) }, problem.code);
      else if (problem.status > 500) logger.warn({ code: problem.code, cause: codeOf(error) }, 'turned away');
      else logger.warn({ route: routeOf(ctx), code: problem.code }, 'refused');
    }
    if (!problem) return;
    countRefusal(routeOf(ctx), problem.code);
    ctx.status = problem.status;
    ctx.set(problem.headers);
    if (problem.status === 503) ctx.set('Retry-After', RETRY_AFTER_S);
    ctx.body = problemBody(problem);
    ctx.type = PROBLEM_TYPE;
  };
}

const REFUSALS: Readonly<Record<WebhookRefusedError['code'], string>> = {
  bad_signature: 'The signature is missing or wrong.',
  too_old: 'The webhook was signed more than 12 hours ago.',
  ahead_of_time: 'The webhook was signed in the future.',
  token_reused: 'The token was used with another body before.',
};

/** What a format says of a webhook that it does not take. */
function problemOfWebhook(error: unknown): Problem | undefined {
  if (error instanceof WebhookRefusedError) return new Problem(401, error.code, REFUSALS[error.code]);
  if (!(error instanceof NotUnderstoodError)) return undefined;
  return new Problem(400, 'not_understood', `The webhook was not understood: ${error.message}.`);
}

/** The pattern, never the address, which can hold anything. */
const routeOf = (ctx: object) => (ctx as { _matchedRoute?: unknown })._matchedRoute;

const codeOf = (error: unknown) => (error as { code?: string }).code ?? (error as Error).name;

/** Where an error comes from, without its message: the database's speak of values. */
const framesOf = (error: unknown) =>
  (error as Error).stack
    ?.split('\n')
    .filter((line) => /^\s+at /.test(line))
    .slice(0, 5);
