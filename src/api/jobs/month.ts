import { z } from 'zod';
import { type DropMonthParameters, whatKeeps } from '../../domain/jobs/kinds/drop-month.js';
import { Problem } from '../../http/problem.js';
import { monthBounds, sizeOfMonth } from '../../postgres/months.js';
import { countOf, listOf } from '../routing/answers.js';
import { jsonBody, route } from '../routing/route.js';
import { begin, begunTargets } from './begun.js';
import { jobAnswer, why } from './schema.js';

const monthNotFound = () => new Problem(404, 'month_not_found', 'There are no data of such a month; say it as YYYYMM.');

/** Items are few, and each takes as long as it takes. */
const RATE_PER_S = 10;

/** E-mails are dropped by the month in which they were accepted, in UTC. */
export const dropMonthRoute = route({
  method: 'post',
  path: '/api/admin/months/{month}/drop',
  operationId: 'dropMonth',
  summary: 'Drop a month of e-mails for good',
  description: [
    'With their events, attempts and attachments, also those in the object store, in the background while traffic goes on.',
    'Refused while something of the month is unfinished or has an open dead letter. With `dry_run` it only says what there',
    'is.',
  ].join(' '),
  tag: 'Administration',
  access: { scope: null, role: 'admin' },
  params: {
    month: {
      schema: z
        .string()
        .regex(/^2\d{3}(0[1-9]|1[0-2])$/)
        .meta({ examples: ['202601'] }),
      refuse: monthNotFound,
    },
  },
  body: jsonBody(
    z.strictObject({ reason: why, dry_run: z.boolean().default(false).describe('Only say what there is.') }),
    {
      'What would go': { reason: 'kept for a year', dry_run: true },
    },
  ),
  answer: {
    status: 200,
    description: 'It begins within seconds; or what there is.',
    schema: z.object({
      dry_run: z.boolean(),
      job: jobAnswer.nullable().describe('Null in a dry run.'),
      emails: countOf('About so many.'),
      bytes: countOf('In the database.'),
      unfinished: countOf('E-mails that still have something to do: they keep the month.'),
      open_dead_letters: countOf('They keep it, too: retry or discard them.'),
      examples: listOf(z.uuid()).describe('Some of those that keep it.'),
    }),
  },
  problems: ['month_not_found', 'month_in_use', 'too_many_jobs'],
  audit: { action: 'job.begin', targets: (_input, _ctx, begun) => begunTargets(begun?.job) },
  handle: async ({ params: { month }, body: { reason, dry_run } }, ctx, { db }) => {
    const size = await sizeOfMonth(db, month);
    if (!size) throw monthNotFound();
    if (monthBounds(month).end.getTime() > Date.now()) throw inUse('It is not over.');
    const keepers = (await whatKeeps(db, month)) ?? { unfinished: 0, open_dead_letters: 0, examples: [] };
    if (dry_run) return { dry_run, job: null, ...size, ...keepers };
    if (keepers.examples.length > 0) {
      const { unfinished, open_dead_letters, examples } = keepers;
      throw inUse(
        `${unfinished} of its e-mails are unfinished, and ${open_dead_letters} have open dead letters: ${examples.join(', ')}` +
          `${unfinished + open_dead_letters > examples.length ? ', …' : ''}.`,
      );
    }
    const parameters: DropMonthParameters = { month };
    const job = await begin(db, ctx, { kind: 'drop_month', parameters, reason, ratePerS: RATE_PER_S });
    return { dry_run, job, ...size, ...keepers };
  },
});

const inUse = (detail: string) => new Problem(409, 'month_in_use', detail);
