import { z } from 'zod';
import { listItems } from '../../domain/jobs/items.js';
import { jobExists, listJobs, resumeJob, stopJob } from '../../domain/jobs/jobs.js';
import { previewJob } from '../../domain/jobs/preview.js';
import { Problem } from '../../http/problem.js';
import { tooManySearches } from '../emails/routes.js';
import { cursor, cursorOf, pageLimit, uuid } from '../fields.js';
import { jsonBody, route } from '../routing/route.js';
import { begin, begunTargets, jobNotFound, shown, tooManyJobs, withDoers } from './begun.js';
import { dropMonthRoute } from './month.js';
import {
  begunJob,
  itemState,
  jobAnswer,
  jobBody,
  jobState,
  kindName,
  pageOfItems,
  pageOfJobs,
  reasonBody,
} from './schema.js';
import { parametersOf } from './terms.js';

/** A dry run answers with what it has counted by then. */
const PREVIEW_MS = 5_000;

const beginRoute = route({
  method: 'post',
  path: '/api/admin/jobs',
  operationId: 'beginJob',
  summary: 'Retry, cancel or reroute many e-mails, or discard dead letters',
  description: [
    'By a filter, or all of them, in the background: what fits when the job lists it is done once, whoever is killed on the',
    'way. An e-mail that has changed meanwhile is skipped. With `dry_run` it only says what it would do.',
  ].join(' '),
  tag: 'Administration',
  access: { scope: null, role: 'operator' },
  body: jsonBody(jobBody, {
    'After a wrong key': { kind: 'retry', filter: { code: 'http_401' }, reason: 'the key was wrong', dry_run: true },
    'After a slip of a form': {
      kind: 'retry',
      filter: { receiver_domain: 'exmaple.org' },
      corrected: { domain: 'example.org' },
      reason: 'the domain was mistyped',
    },
    'Away from a slow provider': { kind: 'reroute', all: true, through: 'mandrill', reason: 'mailgun is slow' },
  }),
  answer: { status: 200, description: 'It begins within seconds; or what it would do.', schema: begunJob },
  problems: ['too_many_jobs', 'too_many_searches'],
  audit: { action: 'job.begin', targets: (_input, _ctx, begun) => begunTargets(begun?.job) },
  handle: async ({ body }, ctx, { db, catalogue, providers, searches }) => {
    const { kind, reason, rate_per_s: ratePerS, dry_run } = body;
    const parameters = parametersOf(body, { catalogue, providers });
    if (dry_run) {
      const look = () => previewJob({ db, catalogue }, { kind, parameters }, PREVIEW_MS);
      const preview = await searches.run(ctx.state.client.id, look);
      if (!preview) throw tooManySearches();
      return { dry_run, job: null, preview };
    }
    const job = await begin(db, ctx, { kind, parameters, reason, ratePerS });
    return { dry_run, job, preview: null };
  },
});

const list = route({
  method: 'get',
  path: '/api/admin/jobs',
  operationId: 'listJobs',
  summary: 'Jobs, the newest first',
  description: 'Those of the last 90 days, and all that are going on.',
  tag: 'Administration',
  access: { scope: null, role: 'viewer' },
  query: z.strictObject({
    state: jobState.optional(),
    kind: kindName.optional(),
    limit: pageLimit(20, 100),
    cursor: cursor(z.object({ id: z.uuid() })).optional(),
  }),
  answer: { status: 200, description: 'A page of them.', schema: pageOfJobs },
  handle: async ({ query }, ctx, { db }) => {
    const { limit, cursor: place, ...filter } = query;
    const jobs = await listJobs(db, filter, { before: place?.id, limit });
    const last = jobs.length === limit ? jobs.at(-1) : undefined;
    ctx.set('Cache-Control', 'no-store');
    return { jobs: await withDoers(db, jobs), next_cursor: last ? cursorOf({ id: last.id }) : null };
  },
});

const inPath = { id: { schema: uuid, refuse: jobNotFound } };

const read = route({
  method: 'get',
  path: '/api/admin/jobs/{id}',
  operationId: 'getJob',
  summary: 'A job and its progress',
  tag: 'Administration',
  access: { scope: null, role: 'viewer' },
  params: inPath,
  answer: { status: 200, description: 'How it stands.', schema: jobAnswer },
  problems: ['job_not_found'],
  handle: async ({ params }, ctx, { db }) => {
    ctx.set('Cache-Control', 'no-store');
    return shown(db, params.id);
  },
});

const items = route({
  method: 'get',
  path: '/api/admin/jobs/{id}/items',
  operationId: 'listJobItems',
  summary: 'A job’s report, item by item',
  tag: 'Administration',
  access: { scope: null, role: 'viewer' },
  params: inPath,
  query: z.strictObject({
    state: itemState.optional(),
    code: z
      .string()
      .regex(/^\w{1,64}$/)
      .optional(),
    limit: pageLimit(200, 1_000),
    cursor: cursor(z.object({ number: z.int().min(0).max(2_147_483_647) })).optional(),
  }),
  answer: { status: 200, description: 'A page of it, in the order in which they are done.', schema: pageOfItems },
  problems: ['job_not_found'],
  handle: async ({ params, query }, ctx, { db }) => {
    const { limit, cursor: place, ...filter } = query;
    if (!(await jobExists(db, params.id))) throw jobNotFound();
    const found = await listItems(db, params.id, filter, { after: place?.number ?? 0, limit });
    const last = found.length === limit ? found.at(-1) : undefined;
    ctx.set('Cache-Control', 'no-store');
    return { items: found, next_cursor: last ? cursorOf({ number: last.number }) : null };
  },
});

const stop = route({
  method: 'post',
  path: '/api/admin/jobs/{id}/stop',
  operationId: 'stopJob',
  summary: 'Stop a job',
  description: 'No item is begun any more; the few under way are finished. What was done stays done.',
  tag: 'Administration',
  access: { scope: null, role: 'operator' },
  params: inPath,
  body: jsonBody(reasonBody, { 'It was the wrong filter': { reason: 'the wrong filter' } }),
  answer: { status: 200, description: 'It is stopped.', schema: jobAnswer },
  problems: ['job_not_found', 'job_over'],
  audit: { action: 'job.stop', targets: ({ params }) => [{ kind: 'job', id: params.id }] },
  handle: async ({ params }, _ctx, { db }) => {
    const result = await stopJob(db, params.id);
    if (result === 'not_found') throw jobNotFound();
    if (result === 'over') throw new Problem(409, 'job_over', 'It has ended, or is stopped already.');
    return shown(db, params.id);
  },
});

const resume = route({
  method: 'post',
  path: '/api/admin/jobs/{id}/resume',
  operationId: 'resumeJob',
  summary: 'Go on with a stopped job',
  description: 'It goes on where it was, within seconds.',
  tag: 'Administration',
  access: { scope: null, role: 'operator' },
  params: inPath,
  body: jsonBody(reasonBody, { 'The filter was right': { reason: 'the filter was right' } }),
  answer: { status: 200, description: 'It goes on.', schema: jobAnswer },
  problems: ['job_not_found', 'job_over', 'too_many_jobs'],
  audit: { action: 'job.resume', targets: ({ params }) => [{ kind: 'job', id: params.id }] },
  handle: async ({ params }, _ctx, { db }) => {
    const result = await resumeJob(db, params.id);
    if (result === 'not_found') throw jobNotFound();
    if (result === 'too_many') throw tooManyJobs();
    if (result === 'over') throw new Problem(409, 'job_over', 'It is not stopped.');
    return shown(db, params.id);
  },
});

export const jobRoutes = [beginRoute, dropMonthRoute, list, read, items, stop, resume];
