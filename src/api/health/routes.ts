import { setTimeout } from 'node:timers/promises';
import { z } from 'zod';
import { Problem } from '../../http/problem.js';
import { route } from '../routing/route.js';

/** Whoever asks has a time-out, too. */
const PATIENCE_MS = 2_000;

const isAlive = route({
  method: 'get',
  path: '/healthz',
  operationId: 'isAlive',
  summary: 'Whether the process runs',
  tag: 'Service',
  access: 'public',
  answer: { status: 200, description: 'It does.', schema: z.object({ status: z.literal('ok') }) },
  handle: () => ({ status: 'ok' as const }),
});

const isReady = route({
  method: 'get',
  path: '/readyz',
  operationId: 'isReady',
  summary: 'Whether the process can accept mail',
  description: 'That is, whether the database answers and is migrated. For load balancers.',
  tag: 'Service',
  access: 'public',
  answer: { status: 200, description: 'It can.', schema: z.object({ status: z.literal('ready') }) },
  problems: ['database_unavailable', 'database_not_migrated'],
  handle: async (_input, _ctx, { pendingMigrations }) => {
    // Whatever the database answers other than "all is there", this process should get no requests.
    const pending = await Promise.race([
      pendingMigrations().catch(() => undefined),
      setTimeout(PATIENCE_MS, undefined, { ref: false }),
    ]);
    if (!pending) throw new Problem(503, 'database_unavailable', 'The database cannot be reached now.', retryLater);
    if (pending.length > 0)
      throw new Problem(503, 'database_not_migrated', 'The database is not migrated.', retryLater);
    return { status: 'ready' as const };
  },
});

const retryLater = { headers: { 'Retry-After': '5' } };

export const healthRoutes = [isAlive, isReady];
