import { Readable } from 'node:stream';
import type { Logger } from 'pino';
import { type Act, audited, type Doer, recordAct } from '../../domain/audit/record.js';
import { idOf, type Target } from '../../domain/audit/targets.js';
import type { Db } from '../../postgres/database.js';
import type { Trx } from '../../postgres/transaction.js';
import type { ApiDependencies } from '../dependencies.js';
import type { ApiContext, Route } from '../routing/route.js';
import type { WorkflowWaker } from '../workflow-waker.js';
import type { AuditedChange, AuditedLook } from './declaration.js';

type Input = Parameters<Route['handle']>[0];

/** How the command line tells that it is the one who asks. */
const CLI = /^tempost-cli\b/;

/** Runs a route's handler as its audit says. @returns the answer's body. @throws Problem, and then there is no row. */
export async function handleAudited(route: Route, input: Input, ctx: ApiContext, api: ApiDependencies) {
  const { audit } = route;
  if (!audit || 'none' in audit || 'byHand' in audit) return route.handle(input, ctx, api);
  if ('look' in audit) return handleLook(route, audit, input, ctx, api);
  return handleChange(route, audit, input, ctx, api);
}

async function handleLook(
  route: Route,
  { look, targets }: AuditedLook<Input, unknown>,
  input: Input,
  ctx: ApiContext,
  api: ApiDependencies,
) {
  // What is not there, or not theirs, has not been looked at.
  const answer = await route.handle(input, ctx, api);
  try {
    for (const target of targets(input, ctx, answer)) await recordAct(api.db, doerOf(ctx), { action: look, target });
    return answer;
  } catch (error) {
    // Nobody reads it any more.
    if (ctx.body instanceof Readable) ctx.body.destroy();
    throw error;
  }
}

async function handleChange(
  route: Route,
  { action, targets, change }: AuditedChange<Input, unknown>,
  input: Input,
  ctx: ApiContext,
  api: ApiDependencies,
) {
  const { waker, wakeAll } = wakesAfterwards(api.waker);
  const act = { action, reason: reasonIn(input.body), targets: (answer?: unknown) => targets(input, ctx, answer) };
  const answer = await auditedByHand(ctx, api, act, async (db) => {
    const within = { ...api, db, waker };
    return change ? change(input, ctx, within) : route.handle(input, ctx, within);
  });
  wakeAll();
  return change ? route.handle(input, ctx, api) : answer;
}

/** Does something in one transaction with its rows; for handlers that begin more than one. */
export async function auditedByHand<T>(
  ctx: ApiContext,
  { db, logger }: { readonly db: Db } & Pick<ApiDependencies, 'logger'>,
  act: Act<T>,
  work: (trx: Trx) => Promise<T>,
): Promise<T> {
  const doer = doerOf(ctx);
  const result = await audited(db, doer, act, work);
  if (act.isDone?.(result) !== false) logActs(logger, doer, act.action, act.targets(result));
  return result;
}

/** An e-mail's targets name it in the log, so that a search for its id finds what was done to it. */
const OF_EMAILS: ReadonlySet<string> = new Set<Target['kind']>(['email', 'dead_letter']);

/** A line for each target: those of lists hold a hash for an address. */
function logActs(logger: Pick<Logger, 'info'>, doer: Doer, action: string, targets: readonly Target[]): void {
  const { source, clientId, keyId, requestId } = doer;
  for (const target of targets) {
    const of = OF_EMAILS.has(target.kind) ? { emailId: idOf(target) } : { target: idOf(target) };
    logger.info({ requestId, source, clientId, keyId, action, ...of }, 'operator act');
  }
}

/** Who makes the request. */
function doerOf(ctx: ApiContext): Doer {
  const source = ctx.state.bySession ? 'console' : CLI.test(ctx.get('User-Agent')) ? 'cli' : 'api';
  return { source, ...ctx.state.actor, requestId: ctx.state.requestId };
}

function reasonIn(body: unknown): string | null {
  const { reason } = (body ?? {}) as { reason?: unknown };
  return typeof reason === 'string' ? reason : null;
}

/** A workflow that is woken before the commit would find nothing new, and sleep on. */
function wakesAfterwards(waker: WorkflowWaker) {
  const wakes: Parameters<WorkflowWaker['wake']>[] = [];
  const collecting: WorkflowWaker = { wake: (...wake) => void wakes.push(wake), stop: () => waker.stop() };
  const wakeAll = () => {
    for (const wake of wakes) waker.wake(...wake);
  };
  return { waker: collecting, wakeAll };
}
