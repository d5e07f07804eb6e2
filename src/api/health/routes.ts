import { z } from 'zod';
import { route } from '../routing/route.js';

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
  description:
    'That is, whether the database answers and has the schema of this release, and the process is not being stopped. ' +
    'For load balancers: a process that is being stopped says so here first, and takes requests for `DRAIN_S` more.',
  tag: 'Service',
  access: 'public',
  answer: { status: 200, description: 'It can.', schema: z.object({ status: z.literal('ready') }) },
  problems: ['stopping', 'database_unavailable', 'database_not_migrated', 'database_too_new'],
  handle: async (_input, _ctx, { readiness }) => {
    await readiness.assertReady();
    return { status: 'ready' as const };
  },
});

export const healthRoutes = [isAlive, isReady];
