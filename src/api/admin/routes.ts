import type Router from '@koa/router';
import type { Logger } from 'pino';
import { PROVIDER_NAMES, type ProviderName } from '../../config.js';
import { changeProvider, readProviders } from '../../domain/provider-health/switches.js';
import { pause, resume } from '../../domain/queue/pauses.js';
import { countLeftovers, reportQueues } from '../../domain/queue/report.js';
import { Problem } from '../../http/problem.js';
import { readCounters } from '../../postgres/counters.js';
import type { Db } from '../../postgres/database.js';
import type { PerPriority, Priority } from '../../priority.js';
import { type ApiState, type Authenticate, requireOperator } from '../authenticate.js';
import { readJson } from '../json-body.js';
import { invalidFields } from '../send/faults.js';
import { pauseBody, priorityParameter, providerBody, resumeBody } from './schema.js';

export interface AdminRouteOptions {
  readonly db: Db;
  readonly authenticate: Authenticate;
  readonly deadlineMs: PerPriority<number>;
  /** Those we send through. */
  readonly providers: readonly ProviderName[];
  readonly logger: Logger;
}

/**
 * What operators see and switch: queues and providers. Only the record is asked and changed, so that all of it works
 * while Temporal is down; the dispatcher carries it there.
 */
export function addAdminRoutes(router: Router<ApiState>, options: AdminRouteOptions): void {
  const { db, authenticate, deadlineMs, logger } = options;
  const queues = async () => ({ queues: await reportQueues(db, deadlineMs, options.providers) });
  const providers = async () => ({ providers: await readProviders(db, options.providers) });

  router.get('/api/admin/overview', authenticate, requireOperator, async (ctx) => {
    const as_of = new Date();
    const counters = await readCounters(db);
    ctx.body = { as_of, ...(await queues()), ...(await providers()), ...(await countLeftovers(db)), counters };
  });

  router.get('/api/admin/queues', authenticate, requireOperator, async (ctx) => {
    ctx.body = await queues();
  });

  router.post(['/api/admin/queues/pause', '/api/admin/queues/resume'], authenticate, requireOperator, () => {
    const message = 'say which, /api/admin/queues/{critical|medium|low|all}/…: everything only by its name';
    throw invalidFields([{ field: 'priority', code: 'required', message }]);
  });

  router.post('/api/admin/queues/:priority/pause', authenticate, requireOperator, async (ctx) => {
    const priorities = prioritiesOf(ctx.params.priority);
    const { reason } = await readJson(ctx, pauseBody);
    await pause(db, priorities, reason);
    logger.info({ clientId: ctx.state.client.id, priorities }, 'sending paused');
    ctx.body = await queues();
  });

  router.post('/api/admin/queues/:priority/resume', authenticate, requireOperator, async (ctx) => {
    const priorities = prioritiesOf(ctx.params.priority);
    await readJson(ctx, resumeBody);
    await resume(db, priorities);
    logger.info({ clientId: ctx.state.client.id, priorities }, 'sending resumed');
    ctx.body = await queues();
  });

  router.get('/api/admin/providers', authenticate, requireOperator, async (ctx) => {
    ctx.body = await providers();
  });

  router.patch('/api/admin/providers/:name', authenticate, requireOperator, async (ctx) => {
    const provider = providerOf(ctx.params.name);
    const change = await readJson(ctx, providerBody);
    await changeProvider(db, provider, change);
    const { reason: _, ...switches } = change;
    logger.info({ clientId: ctx.state.client.id, provider, switches }, 'provider switched');
    ctx.body = await providers();
  });
}

function prioritiesOf(parameter: string | undefined): readonly Priority[] {
  const parsed = priorityParameter.safeParse(parameter);
  if (!parsed.success) throw new Problem(404, 'queue_not_found', 'The queues are critical, medium, low, and all.');
  return parsed.data;
}

function providerOf(name: string | undefined): ProviderName {
  if ((PROVIDER_NAMES as readonly (string | undefined)[]).includes(name)) return name as ProviderName;
  throw new Problem(404, 'provider_not_found', `The providers are ${PROVIDER_NAMES.join(', ')}.`);
}
