import { lastDoers } from '../../domain/audit/listed.js';
import { ROUTING, type Target } from '../../domain/audit/targets.js';
import { listBuilds, seenRouting } from '../../domain/fleets/builds.js';
import { promote, ramp, retire, rollBack, unset, wantedRouting } from '../../domain/fleets/routing.js';
import type { ApiDependencies } from '../dependencies.js';
import { jsonBody, route } from '../routing/route.js';
import { refuse } from './refusals.js';
import { buildInPath, buildList, rampBody, reasonBody } from './schema.js';

/**
 * The builds of the workers. Only the record is asked and changed, so that all of it works while Temporal is down; the
 * dispatcher carries it there, and notes what it sees.
 */

async function buildsOf({ db }: Pick<ApiDependencies, 'db'>) {
  const wanted = await wantedRouting(db);
  const doers = await lastDoers(db, 'routing', CHANGES, [ROUTING.id]);
  return {
    wanted: wanted && { ...wanted, changed_by: doers.get(ROUTING.id) ?? null },
    seen: await seenRouting(db),
    builds: await listBuilds(db),
  };
}

const CHANGES = ['routing.promote', 'routing.ramp', 'routing.rollback', 'routing.unset'];
const targets = (): readonly Target[] => [ROUTING];
const access = { scope: null, role: 'operator' } as const;
const tag = 'Administration';
const answer = { status: 200, description: 'The builds as they are now.', schema: buildList } as const;

const list = route({
  method: 'get',
  path: '/api/admin/builds',
  operationId: 'listBuilds',
  summary: 'The builds of the workers, and what still runs on each',
  description:
    'Workers with a `WORKER_BUILD_ID` keep what begins on them. This says where e-mails begin, what stays with an older ' +
    'build, whether that has workers to continue it, and when its workers may be ended; as the dispatcher saw it in ' +
    'Temporal within the last ten seconds or so.',
  tag,
  access: { scope: null, role: 'viewer' },
  answer: { ...answer, description: 'None while no worker has a build.' },
  handle: (_input, _ctx, api) => buildsOf(api),
});

const promoteBuild = route({
  method: 'post',
  path: '/api/admin/builds/{build}/promote',
  operationId: 'promoteBuild',
  summary: 'Have all e-mails begin on a build',
  description: 'What has begun stays with its build. It ends a ramp.',
  tag,
  access,
  params: { build: buildInPath },
  body: jsonBody(reasonBody, { 'After a ramp': { reason: 'an hour at 10 % without a fault' } }),
  answer,
  problems: ['build_not_found', 'build_without_workers'],
  audit: {
    action: 'routing.promote',
    targets,
    change: async ({ params, body }, _ctx, { db }) => refuse(await promote(db, params.build, body.reason)),
  },
  handle: (_input, _ctx, api) => buildsOf(api),
});

const rampBuild = route({
  method: 'post',
  path: '/api/admin/builds/{build}/ramp',
  operationId: 'rampBuild',
  summary: 'Have some of a hundred e-mails begin on a build',
  description: 'The others begin on the current one. Another build that was ramping is not any more.',
  tag,
  access,
  params: { build: buildInPath },
  body: jsonBody(rampBody, { 'A tenth': { percent: 10, reason: 'release 1.3' } }),
  answer,
  problems: ['build_not_found', 'build_without_workers', 'build_is_current'],
  audit: {
    action: 'routing.ramp',
    targets,
    change: async ({ params, body }, _ctx, { db }) => refuse(await ramp(db, params.build, body.percent, body.reason)),
  },
  handle: (_input, _ctx, api) => buildsOf(api),
});

const rollBackBuild = route({
  method: 'post',
  path: '/api/admin/builds/rollback',
  operationId: 'rollBackBuild',
  summary: 'Take the last step back',
  description:
    'While a build is ramping, that ends. Otherwise e-mails begin on the build again that was current before. What has ' +
    'begun on the newer build stays with it, unless that is retired.',
  tag,
  access,
  body: jsonBody(reasonBody, { 'A fault': { reason: 'sends are slower than before' } }),
  answer,
  problems: ['build_not_found', 'build_without_workers', 'nothing_to_roll_back'],
  audit: {
    action: 'routing.rollback',
    targets,
    change: async ({ body }, _ctx, { db }) => refuse(await rollBack(db, body.reason)),
  },
  handle: (_input, _ctx, api) => buildsOf(api),
});

const unsetBuild = route({
  method: 'post',
  path: '/api/admin/builds/unset',
  operationId: 'unsetBuild',
  summary: 'Have e-mails begin on workers without a build',
  description: 'The way back to workers without `WORKER_BUILD_ID`. What has begun stays with its build.',
  tag,
  access,
  body: jsonBody(reasonBody, { 'Without builds': { reason: 'one fleet is enough for us' } }),
  answer,
  problems: ['build_without_workers'],
  audit: {
    action: 'routing.unset',
    targets,
    change: async ({ body }, _ctx, { db }) => refuse(await unset(db, body.reason)),
  },
  handle: (_input, _ctx, api) => buildsOf(api),
});

const retireBuild = route({
  method: 'post',
  path: '/api/admin/builds/{build}/retire',
  operationId: 'retireBuild',
  summary: 'Have nothing stay with a build',
  description:
    'What stays with it goes on with the current build, within seconds and whether or not it still has workers; what ' +
    'is being sent is finished where it is. Promoting or ramping it again takes that back.',
  tag,
  access,
  params: { build: buildInPath },
  body: jsonBody(reasonBody, { 'Its machines go': { reason: 'the old machines are given back' } }),
  answer,
  problems: ['build_not_found', 'build_is_current'],
  audit: {
    action: 'routing.retire',
    targets,
    change: async ({ params }, _ctx, { db }) => refuse(await retire(db, params.build)),
  },
  handle: (_input, _ctx, api) => buildsOf(api),
});

export const buildRoutes = [list, promoteBuild, rampBuild, rollBackBuild, unsetBuild, retireBuild];
