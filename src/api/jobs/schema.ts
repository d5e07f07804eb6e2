import { z } from 'zod';
import { JOB_KINDS, type JobKindName } from '../../domain/jobs/kinds.js';
import { address, ENDS_BEFORE, MAX_WINDOW_MS, TOO_LONG, time, windowMsOf } from '../emails/schema.js';
import { priority, providerName, address as submittedAddress } from '../fields.js';
import { countOf, listOf, moment, nextCursor } from '../routing/answers.js';
import { isOneLine } from '../send/faults.js';

export const kindName = z.enum(Object.keys(JOB_KINDS) as [JobKindName, ...JobKindName[]]);

/** Kinds that are about e-mails by a filter. */
const EMAIL_KINDS = ['retry', 'discard', 'cancel', 'reroute'] as const satisfies readonly JobKindName[];
export type EmailKind = (typeof EMAIL_KINDS)[number];
export const jobState = z.enum(['planning', 'running', 'stopped', 'done', 'failed']);
export const itemState = z.enum(['pending', 'done', 'skipped', 'failed']);

const status = z.string().regex(/^[a-z_]{1,64}$/);

const LABELS = 5;

const DOMAIN = /^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}$/;

/** Which e-mails: what `GET /api/emails` asks, and what is known of their last attempt. */
const emailFilter = z
  .strictObject({
    receiver: address.optional(),
    sender: address.optional(),
    status: z.array(status).min(1).max(10).optional().describe('One of these. Default: see `kind`.'),
    priority: priority.optional(),
    client: z.uuid().optional(),
    tag: z.string().min(1).max(128).optional(),
    metadata: z
      .record(z.string().min(1).max(128), z.string().max(1_024))
      .refine((pairs) => Object.keys(pairs).length <= LABELS, `must not name more than ${LABELS}`)
      .optional()
      .describe('Names with the text, number or truth value that each has, as a text.'),
    receiver_domain: z.string().min(1).max(253).toLowerCase().optional(),
    code: z
      .string()
      .regex(/^[\w.-]{1,64}$/)
      .optional()
      .describe('Of the last attempt.'),
    provider: providerName.optional().describe('Of the last attempt.'),
    without_code: z.literal(true).optional().describe('Those alone whose last attempt has no code, or that have none.'),
    without_provider: z.literal(true).optional().describe('Those alone that no provider was ever asked to take.'),
    dead_reason: z.enum(['lifetime_over', 'ambiguous', 'stopped_in_temporal']).optional(),
    from: time.optional().describe('Accepted at or after. Default: 30 days before `to`.'),
    to: time.optional().describe('Accepted before. Default: now.'),
  })
  .refine(({ code, without_code }) => !(code && without_code), { path: ['without_code'], error: 'contradicts code' })
  .refine(({ provider, without_provider }) => !(provider && without_provider), {
    path: ['without_provider'],
    error: 'contradicts provider',
  })
  .refine(({ from, to }) => windowMsOf(from, to) >= 0, ENDS_BEFORE)
  .refine(({ from, to }) => windowMsOf(from, to) <= MAX_WINDOW_MS, TOO_LONG);

export type EmailFilterBody = z.output<typeof emailFilter>;

export const why = z.string().trim().min(1, 'must say why').max(200).refine(isOneLine, 'must be one line');

export const jobBody = z.strictObject({
  kind: z
    .enum(EMAIL_KINDS)
    .describe(
      '`retry`: those that are `dead`, unless `status` names others. `discard`: open dead letters, which are closed; their ' +
        'e-mails can still be retried. `cancel`, `reroute`: those that no provider has.',
    ),
  filter: emailFilter.default({}),
  all: z.literal(true).optional().describe('Every one, instead of a filter.'),
  through: z
    .union([providerName, z.literal('any')])
    .optional()
    .describe('`retry`, `reroute`: this provider and no other. `any`, of `reroute` alone: whichever admits it again.'),
  corrected: z
    .strictObject({
      receiver: submittedAddress
        .optional()
        .describe('The receiver of all of them; the filter must name the one they have.'),
      domain: z
        .string()
        .max(253)
        .toLowerCase()
        .regex(DOMAIN, 'must be a domain, in punycode')
        .optional()
        .describe('Behind each address instead of the filter’s `receiver_domain`.'),
    })
    .refine((given) => Object.values(given).filter(Boolean).length === 1, 'must name a receiver or a domain')
    .optional()
    .describe('`retry`: to a corrected address. Each counts as a submission of its client.'),
  reason: why.describe('Why, in one line.'),
  rate_per_s: z.int().min(1).max(500).default(50).describe('The most e-mails a second.'),
  dry_run: z.boolean().default(false).describe('Only say what it would do.'),
});

export const reasonBody = z.strictObject({ reason: why.optional().describe('For the audit.') });

const counts = z.record(z.string(), z.int().min(0)).readonly();

const preview = z.object({
  matched: countOf('How many there are.'),
  complete: z.boolean().describe('False: there are more, which there was no time to count.'),
  by_status: counts,
  by_priority: counts,
  by_client: counts.describe('The twenty with the most.'),
  would_skip: counts.describe('Of them, by the reason.'),
  sample: listOf(z.string()).describe('The first twenty.'),
});

export const jobAnswer = z
  .object({
    id: z.uuid(),
    kind: z.string(),
    state: jobState,
    parameters: z.record(z.string(), z.unknown()).describe('What it was begun with.'),
    reason: z.string(),
    who: z.string().nullable().describe('Whose key it was, as `client` or `client/key`.'),
    rate_per_s: z.int(),
    matched: countOf('How many items there are; while it is planning, so far.'),
    counts: z.object({
      pending: countOf('Still to be done.'),
      done: countOf('That were done.'),
      skipped: counts.describe('By the reason: there was nothing to be done any more.'),
      failed: counts.describe('By the code: they could not be done.'),
    }),
    code: z.string().nullable().describe('Why it failed.'),
    created_at: moment,
    planned_at: moment.nullable().describe('When all items were listed.'),
    progressed_at: moment.nullable().describe('When somebody worked on it last.'),
    ended_at: moment.nullable(),
  })
  .meta({ id: 'Job' });

export const begunJob = z.object({
  dry_run: z.boolean(),
  job: jobAnswer.nullable().describe('Null in a dry run.'),
  preview: preview.nullable().describe('Null unless in a dry run.'),
});

export const pageOfJobs = z.object({ jobs: listOf(jobAnswer), next_cursor: nextCursor });

const item = z
  .object({
    number: z.int(),
    target: z.string().describe('What it is about: an e-mail’s id, or a step.'),
    generation: z.int().nullable().describe('Which of the e-mail’s lives it had been when it was listed.'),
    state: itemState,
    code: z.string().nullable().describe('Why it was skipped, or could not be done.'),
    done_at: moment.nullable(),
  })
  .meta({ id: 'JobItem' });

export const pageOfItems = z.object({ items: listOf(item), next_cursor: nextCursor });
