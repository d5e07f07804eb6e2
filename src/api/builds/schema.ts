import { z } from 'zod';
import { buildId } from '../../environment.js';
import { PRIORITIES } from '../../priority.js';
import { pauseBody } from '../admin/schema.js';
import { listOf, moment } from '../routing/answers.js';
import { buildNotFound } from './refusals.js';

/** As `WORKER_BUILD_ID` may be. */
export const buildInPath = { schema: buildId, refuse: buildNotFound };

/** Why, in one line. */
export const reasonBody = pauseBody;

export const rampBody = z.strictObject({
  percent: z.number().gt(0).max(100).describe('Of a hundred e-mails that begin, how many begin on it.'),
  reason: pauseBody.shape.reason,
});

const byPriority = z.object({ critical: z.int(), medium: z.int(), low: z.int() });
const current = z.string().nullable().describe('Gets what begins; null: workers without a build do.');
const ramping = z
  .object({ build_id: z.string(), percent: z.number() })
  .nullable()
  .describe('Gets its share of what begins.');

const build = z
  .object({
    build_id: z.string().nullable().describe('Null: the workers without one.'),
    share: z.number().describe('Of a hundred e-mails that begin now, how many it gets.'),
    pinned: byPriority.describe('E-mails under way that stay with it to their end.'),
    workers: byPriority.describe('Workers of it that say that they run, and ask for tasks.'),
    missing: listOf(z.enum(PRIORITIES)).describe('Of which e-mails begin there or stay there, and no worker runs.'),
    stuck: z.int().describe('E-mails that stay with it, and that nobody can continue.'),
    retired: z.boolean().describe('What stays with it is moved to the current one.'),
    may_end: z.boolean().describe('Nothing begins there, and nothing is under way: its workers may be ended.'),
  })
  .meta({ id: 'Build' });

export const buildList = z.object({
  wanted: z
    .object({
      current,
      ramping,
      previous: z.string().nullable().describe('What was current before: where a rollback leads.'),
      reason: z.string().nullable(),
      changed_at: moment,
      changed_by: z.string().nullable().describe('Whose key it was, as `client` or `client/key`; null: not known.'),
    })
    .nullable()
    .describe('What operators want; null: nothing yet, and Temporal’s own routing stays as it is.'),
  seen: z.object({ current, ramping, at: moment }).nullable().describe('How Temporal routes, as last seen.'),
  builds: listOf(build),
});
