import { PROVIDER_NAMES } from '../../config.js';
import { lastDoers } from '../../domain/audit/listed.js';
import { listProcesses } from '../../domain/fleets/heartbeats.js';
import { readScale } from '../../domain/fleets/scale.js';
import { changeProvider, readProviders } from '../../domain/provider-health/switches.js';
import { pause, resume } from '../../domain/queue/pauses.js';
import { countLeftovers, type PauseView, reportQueues } from '../../domain/queue/report.js';
import { measureDisk } from '../../domain/samples/disk.js';
import { readCounters } from '../../postgres/counters.js';
import { PRIORITIES, type Priority } from '../../priority.js';
import type { ApiDependencies } from '../dependencies.js';
import { holdsOf } from '../holds/listed.js';
import { jsonBody, route } from '../routing/route.js';
import { invalidFields } from '../send/faults.js';
import { overview, providerList, queueList, scaleList } from './answers.js';
import { pauseBody, providerBody, providerInPath, queueInPath, resumeBody } from './schema.js';

/**
 * What operators see and switch: queues and providers. Only the record is asked and changed, so that all of it works
 * while Temporal is down; the dispatcher carries it there.
 */

async function queuesOf({ db, deadlineMs, providers }: ApiDependencies) {
  const queues = await reportQueues(db, deadlineMs, providers);
  const doers = await lastDoers(db, 'queue', ['queue.pause'], PRIORITIES);
  const withDoer = (priority: Priority) => (pause: PauseView) => {
    return { ...pause, who: pause.by === 'tempost' ? (doers.get(priority) ?? null) : null };
  };
  return { queues: queues.map((queue) => ({ ...queue, pauses: queue.pauses.map(withDoer(queue.priority)) })) };
}

async function providersOf({ db, providers }: ApiDependencies) {
  const views = await readProviders(db, providers);
  const doers = await lastDoers(db, 'provider', ['provider.switch'], PROVIDER_NAMES);
  return { providers: views.map((view) => ({ ...view, changed_by: doers.get(view.provider) ?? null })) };
}

const queueTargets = (priorities: readonly Priority[]) => priorities.map((id) => ({ kind: 'queue', id }) as const);

const readOverview = route({
  method: 'get',
  path: '/api/admin/overview',
  operationId: 'getOverview',
  summary: 'Everything at a glance',
  description: 'Queues, providers, what waits for a person, and the counters.',
  tag: 'Administration',
  access: { scope: null, role: 'viewer' },
  answer: { status: 200, description: 'How it stands.', schema: overview },
  handle: async (_input, _ctx, api) => {
    const as_of = new Date();
    const counters = await readCounters(api.db);
    return {
      as_of,
      ...(await queuesOf(api)),
      ...(await providersOf(api)),
      ...(await holdsOf(api)),
      processes: await listProcesses(api.db),
      ...(await countLeftovers(api.db)),
      disk: await measureDisk(api.db, api.disk),
      counters,
    };
  },
});

const readScaleOfFleets = route({
  method: 'get',
  path: '/api/admin/scale',
  operationId: 'getScale',
  summary: 'How many workers each priority should have, and why',
  description:
    'One for each `worker_slots` e-mails that wait or are in flight, at least two of critical and one of the others, at ' +
    'most as many as `in_flight_limit` can keep busy. A paused priority has no work, and one that no provider takes ' +
    'wants no more workers than it has. The dispatcher answers the same at `/scale` on its `METRICS_PORT`.',
  tag: 'Administration',
  access: { scope: null, role: 'viewer' },
  answer: { status: 200, description: 'The most urgent first.', schema: scaleList },
  handle: async (_input, _ctx, api) => ({ as_of: new Date(), priorities: await readScale(api.db, api) }),
});

const listQueues = route({
  method: 'get',
  path: '/api/admin/queues',
  operationId: 'listQueues',
  summary: 'The queue of each priority',
  tag: 'Administration',
  access: { scope: null, role: 'viewer' },
  answer: { status: 200, description: 'The most urgent first.', schema: queueList },
  handle: (_input, _ctx, api) => queuesOf(api),
});

/** Everything is paused only by its name. */
const withoutName = (what: 'pause' | 'resume') =>
  route({
    method: 'post',
    path: `/api/admin/queues/${what}`,
    operationId: `${what}Nothing`,
    summary: `Refused: say which queue is to ${what}`,
    description: `To ${what} everything, name \`all\`: \`/api/admin/queues/all/${what}\`.`,
    tag: 'Administration',
    access: { scope: null, role: 'operator' },
    problems: ['invalid_fields'],
    audit: { none: 'it is always refused' },
    handle: () => {
      const message = 'say which, /api/admin/queues/{critical|medium|low|all}/…: everything only by its name';
      throw invalidFields([{ field: 'priority', code: 'required', message }]);
    },
  });

const pauseQueue = route({
  method: 'post',
  path: '/api/admin/queues/{priority}/pause',
  operationId: 'pauseQueue',
  summary: 'Stop sending, of one priority or of all',
  description: 'Nothing is lost; what is being sent at this moment is. Pausing what is paused changes the reason.',
  tag: 'Administration',
  access: { scope: null, role: 'operator' },
  params: { priority: queueInPath },
  body: jsonBody(pauseBody, { Maintenance: { reason: 'maintenance of the network' } }),
  answer: { status: 200, description: 'The queues as they are now.', schema: queueList },
  problems: ['queue_not_found'],
  audit: {
    action: 'queue.pause',
    targets: ({ params }) => queueTargets(params.priority),
    change: ({ params, body }, _ctx, { db }) => pause(db, params.priority, body.reason),
  },
  handle: (_input, _ctx, api) => queuesOf(api),
});

const resumeQueue = route({
  method: 'post',
  path: '/api/admin/queues/{priority}/resume',
  operationId: 'resumeQueue',
  summary: 'Start sending again',
  description: 'Takes our own pause back; one made in Temporal stays, and is shown.',
  tag: 'Administration',
  access: { scope: null, role: 'operator' },
  params: { priority: queueInPath },
  body: jsonBody(resumeBody, { 'No more is said': {} }),
  answer: { status: 200, description: 'The queues as they are now.', schema: queueList },
  problems: ['queue_not_found'],
  audit: {
    action: 'queue.resume',
    targets: ({ params }) => queueTargets(params.priority),
    change: ({ params }, _ctx, { db }) => resume(db, params.priority),
  },
  handle: (_input, _ctx, api) => queuesOf(api),
});

const listProviders = route({
  method: 'get',
  path: '/api/admin/providers',
  operationId: 'listProviders',
  summary: 'The providers: switches, breakers, quotas',
  tag: 'Administration',
  access: { scope: null, role: 'viewer' },
  answer: { status: 200, description: 'All that there can be.', schema: providerList },
  handle: (_input, _ctx, api) => providersOf(api),
});

const switchProvider = route({
  method: 'patch',
  path: '/api/admin/providers/{name}',
  operationId: 'changeProvider',
  summary: 'Switch a provider, force its breaker, set its limits',
  description: 'What is left out stays. A changed rate holds from its change on.',
  tag: 'Administration',
  access: { scope: null, role: 'operator' },
  params: { name: providerInPath },
  body: jsonBody(providerBody, {
    Off: { enabled: false, reason: 'their maintenance' },
    'A slower pace': { rate_per_s: 20, per_day: 100_000, reason: 'a new account' },
  }),
  answer: { status: 200, description: 'The providers as they are now.', schema: providerList },
  problems: ['provider_not_found'],
  audit: {
    action: 'provider.switch',
    targets: ({ params }) => [{ kind: 'provider', id: params.name }],
    change: ({ params, body }, _ctx, { db }) => changeProvider(db, params.name, body),
  },
  handle: (_input, _ctx, api) => providersOf(api),
});

export const adminRoutes = [
  readOverview,
  readScaleOfFleets,
  listQueues,
  withoutName('pause'),
  withoutName('resume'),
  pauseQueue,
  resumeQueue,
  listProviders,
  switchProvider,
];
