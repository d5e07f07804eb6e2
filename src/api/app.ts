import { randomUUID } from 'node:crypto';
import { METHODS } from 'node:http';
import Router from '@koa/router';
import Koa, { type Middleware, type ParameterizedContext } from 'koa';
import type { Logger } from 'pino';
import { boundLeftovers } from '../http/leftovers.js';
import { PROBLEM_TYPE, type Problem, problemBody, problemOfStatus, toProblem } from '../http/problem.js';
import { logStep } from '../process/life-log.js';
import { inSpan, isTracing, noteOnSpan } from '../process/tracing/tracing.js';
import type { ApiState } from './authenticate.js';
import { type ApiResources, shareAmongRequests } from './dependencies.js';
import type { Gate } from './gate.js';
import { countRequest, countSubmission, refusalClass } from './metrics.js';
import { ROUTES } from './routes.js';
import { mountRoutes } from './routing/mount.js';

/** The service's routes and what surrounds them. */
export function createApp(resources: ApiResources, gate: Gate): Koa<ApiState> {
  const { limits, logger } = resources;
  // A method that is none of an address is its fault, also one that no address has.
  const router = new Router<ApiState>({ methods: METHODS });
  mountRoutes(router, ROUTES, shareAmongRequests(resources, gate), gate);

  const app = new Koa<ApiState>();
  app.use(boundLeftovers(limits));
  app.use(requestHeaders);
  app.use(trace);
  app.use(accessLog(logger));
  app.use(problems(logger));
  app.use(router.routes());
  app.use(router.allowedMethods());
  // What comes here are connections that broke while they were being answered.
  app.on('error', (error: unknown) => logger.debug({ code: codeOf(error) }, 'connection lost'));
  return app;
}

/** An id for every request, and headers that keep browsers from guessing. */
const requestHeaders: Middleware<ApiState> = async (ctx, next) => {
  ctx.state.requestId = randomUUID();
  ctx.set('X-Request-Id', ctx.state.requestId);
  ctx.set('X-Content-Type-Options', 'nosniff');
  ctx.set('Content-Security-Policy', "default-src 'none'; frame-ancestors 'none'");
  ctx.set('Referrer-Policy', 'no-referrer');
  await next();
};

/** Requests that may change something are spans; of readers there are too many. */
const trace: Middleware<ApiState> = async (ctx, next) => {
  if (!isTracing() || ctx.method !== 'POST') return next();
  await inSpan('request', { kind: 'server', traceparent: ctx.get('traceparent') }, async () => {
    await next();
    const { emailId, problemCode: code, requestId } = ctx.state;
    const route = (ctx as { _matchedRoute?: string })._matchedRoute;
    noteOnSpan({
      ...{ 'http.request.method': ctx.method, 'http.route': route, 'http.response.status_code': ctx.status },
      ...{ 'tempost.email_id': emailId, 'tempost.code': code, 'tempost.request_id': requestId },
    });
  });
};

/** The patterns of the routes that submit. */
const SUBMISSIONS: ReadonlySet<string> = new Set(['/api/send', '/api/email/:id/resend']);

function countSubmissionOf({ state, status }: Pick<ParameterizedContext<ApiState>, 'state' | 'status'>): void {
  const { client, accepted, priority = accepted?.priority, problemCode } = state;
  const done = accepted && (accepted.replayed ? 'replayed' : 'accepted');
  const outcome = done ?? refusalClass(status, problemCode);
  countSubmission({ operator: client?.operator, priority, outcome });
}

/** One line per request, and one more counted: ids and codes. The route's pattern, never the address, which can hold anything. */
function accessLog(logger: Logger): Middleware<ApiState> {
  return async (ctx, next) => {
    const startedAt = performance.now();
    await next();
    const { requestId, client, emailId, accepted, problemCode } = ctx.state;
    if (emailId && accepted) logStep(logger, 'accepted', { emailId, clientId: client.id, requestId, ...accepted });
    const route = (ctx as { _matchedRoute?: string })._matchedRoute;
    const durationMs = performance.now() - startedAt;
    countRequest({ route, method: ctx.method, status: ctx.status, code: problemCode, durationMs });
    if (ctx.method === 'POST' && route && SUBMISSIONS.has(route)) countSubmissionOf(ctx);
    const level = route === '/healthz' || route === '/readyz' ? 'debug' : 'info';
    logger[level](
      {
        requestId,
        method: ctx.method,
        route,
        status: ctx.status,
        durationMs: Math.round(durationMs),
        clientId: client?.id,
        keyId: client?.keyId,
        emailId,
        code: problemCode,
      },
      'request',
    );
  };
}

/** Turns everything thrown, and every status without a body, into a problem. */
function problems(logger: Logger): Middleware<ApiState> {
  return async (ctx, next) => {
    let problem: Problem | undefined;
    try {
      await next();
      if (ctx.status >= 400 && !ctx.body) problem = problemOfStatus(ctx.status);
    } catch (error) {
      problem = toProblem(error);
      const { requestId, client } = ctx.state;
      const about = { requestId, clientId: client?.id, code: codeOf(error) };
      if (problem.status === 500) logger.error({ ...about, at: framesOf(error) }, 'request failed');
      else if (problem.status === 503) logger.warn(about, 'request turned away');
    }
    if (!problem) return;
    ctx.state.problemCode = problem.code;
    ctx.status = problem.status;
    ctx.set(problem.headers);
    ctx.body = problemBody(problem);
    ctx.set('Content-Type', PROBLEM_TYPE);
  };
}

const codeOf = (error: unknown) => (error as { code?: string }).code ?? (error as Error).name;

/** Where an error comes from, without its message: the database's speak of values. */
const framesOf = (error: unknown) => (error as Error).stack?.split('\n').filter((line) => /^\s+at /.test(line));
