import type Router from '@koa/router';
import { z } from 'zod';
import { handleAudited } from '../audit/audited.js';
import type { ApiMiddleware, ApiState } from '../authenticate.js';
import type { ApiDependencies } from '../dependencies.js';
import type { Gate } from '../gate.js';
import { readJson, validate } from '../json-body.js';
import type { ApiContext, Input, JsonBody, Parameters, Route } from './route.js';

type AnyInput = Input<Parameters, Parameters, z.ZodType, JsonBody>;

/** Serves the routes. */
export function mountRoutes(
  router: Router<ApiState>,
  routes: readonly Route[],
  api: ApiDependencies,
  gate: Gate,
): void {
  refuseOtherMethods(router, routes);
  for (const route of routes) {
    router[route.method](koaPath(route), ...guardsOf(route, gate), async (ctx) => {
      const input = await readInput(route, ctx);
      await answer(route, input, ctx, api);
    });
  }
}

/**
 * A path that is declared in so many words is not a parameter's value of another one: with a method that only that other
 * one has it is 405, as anywhere else. Before the routes, because the first that matches answers.
 */
function refuseOtherMethods(router: Router<ApiState>, routes: readonly Route[]): void {
  for (const path of new Set(routes.map((route) => route.path).filter((each) => !each.includes('{')))) {
    const own = routes.filter((route) => route.path === path).map(({ method }) => method);
    const foreign = routes.filter(({ path: other, method }) => !own.includes(method) && patternOf(other).test(path));
    for (const method of new Set(foreign.map((route) => route.method))) {
      router[method](path, (ctx) => {
        ctx.set('Allow', own.map((each) => each.toUpperCase()).join(', '));
        ctx.status = 405;
      });
    }
  }
}

/** Which addresses a declared path means; a slash at the end makes no difference. */
export const patternOf = (path: string): RegExp => new RegExp(`^${path.replaceAll(/\{\w+\}/g, '[^/]+')}/?$`);

/** Who comes past them may do what the route does. */
function guardsOf({ access, confirmsKey }: Route, gate: Gate): ApiMiddleware[] {
  return access === 'public' ? [] : gate.guards(access, confirmsKey);
}

/** The route's path as koa's router writes it: `/api/email/:id`. */
export const koaPath = ({ path }: Pick<Route, 'path'>): string => path.replaceAll(/\{(\w+)\}/g, ':$1');

/** Validates what the request says: path, headers, query, and last the body, which takes time. @throws Problem. */
async function readInput(route: Route, ctx: ApiContext): Promise<AnyInput> {
  return {
    params: readParameters(route.params, (name) => ctx.params[name]),
    headers: readParameters(route.headers, (name) => ctx.get(name) || undefined),
    query: route.query && validate(route.query, { ...ctx.query }),
    body: route.body?.kind === 'json' ? await readJson(ctx, route.body.schema) : undefined,
  };
}

function readParameters(parameters: Parameters = {}, textOf: (name: string) => string | undefined) {
  const values = Object.entries(parameters).map(([name, { schema, refuse }]) => {
    const text = textOf(name);
    if (!refuse) return [name, validate(z.strictObject({ [name]: schema }), { [name]: text })[name]];
    const parsed = schema.safeParse(text);
    if (!parsed.success) throw refuse();
    return [name, parsed.data];
  });
  return Object.fromEntries(values);
}

async function answer(route: Route, input: AnyInput, ctx: ApiContext, api: ApiDependencies): Promise<void> {
  const body = await handleAudited(route, input, ctx, api);
  if (!route.answer) return;
  ctx.status = route.answer.status;
  if (route.answer.mediaType) ctx.type = route.answer.mediaType;
  if (body !== undefined) ctx.body = body;
  if (route.answer.hasEtag && isKnown(ctx)) ctx.status = 304;
}

/**
 * Whether the one who asks has what is answered. Koa's `fresh` says no to every request with `Cache-Control: no-cache`,
 * which `fetch` adds by itself and which asks for this very comparison (RFC 9111, 5.2.1.4).
 */
function isKnown(ctx: ApiContext): boolean {
  const etag = ctx.response.get('ETag');
  const known = ctx.get('If-None-Match').split(',');
  return known.some((tag) => ['*', etag, `W/${etag}`].includes(tag.trim()));
}
