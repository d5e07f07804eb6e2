import { z } from 'zod';
import type { DeadLetterFilter } from '../../domain/dead-letters/search.js';
import { emailAnswer } from '../email/schema.js';
import { cursor, pageLimit, priority, providerName } from '../fields.js';
import { countOf, listOf, moment, nextCursor } from '../routing/answers.js';

const time = z.iso.datetime({ offset: true }).transform((text) => new Date(text));
const code = z.string().regex(/^[\w.-]{1,64}$/);
const reason = z.enum(['lifetime_over', 'ambiguous', 'stopped_in_temporal']);

/** The filters of a list and of a bulk retry alike. */
const filters = {
  priority: priority.optional(),
  reason: reason.optional(),
  provider: providerName.optional().describe('Of the last attempt.'),
  code: code.optional().describe('Of the last attempt.'),
  client: z.uuid().optional().describe('Whose: an operator may name any client.'),
  receiver_domain: z.string().min(1).max(253).toLowerCase().optional(),
  from: time.optional().describe('Died at or after.'),
  to: time.optional().describe('Died before.'),
};

const yes = z.enum(['true']).transform(() => true);

export const listQuery = z.strictObject({
  ...filters,
  without_code: yes.optional().describe('Those alone whose last attempt has no code, or that have none.'),
  without_provider: yes.optional().describe('Those alone that no provider was ever asked to take.'),
  state: z.enum(['open', 'resolved', 'all']).default('open'),
  limit: pageLimit(50, 200),
  cursor: cursor(z.object({ diedAt: z.iso.datetime({ precision: 6 }), emailId: z.uuid() })).optional(),
});

/** How many one request retries: each is a transaction of its own, a few milliseconds long. */
const MAX_BULK = 1_000;

export const bulkRetryBody = z
  .strictObject({
    ...filters,
    all: z.literal(true).optional().describe('Every one, instead of a filter.'),
    limit: z.number().int().min(1).max(MAX_BULK).default(MAX_BULK),
    dry_run: z.boolean().default(false).describe('Only count.'),
    through: providerName.optional().describe('For operators: the provider to use; `provider` is the one that failed.'),
  })
  .refine(({ all, dry_run, limit: _, through: __, ...given }) => dry_run || (all === true) !== isFilter(given), {
    path: ['all'],
    error: 'say which: either filters, or "all": true for every dead letter',
  });

const death = {
  generation: z.int().describe('Which of the e-mail’s lives.'),
  reason,
  code: z.string().nullable().describe('Of the last attempt.'),
  provider: providerName.nullable().describe('Of the last attempt.'),
  died_at: moment,
  resolved_at: moment.nullable(),
  resolution: z
    .enum(['retried', 'discarded', 'delivered'])
    .nullable()
    .describe('`delivered`: its provider turned out to have taken it.'),
};

const deadLetter = z
  .object({
    id: z.uuid(),
    client_id: z.uuid(),
    priority,
    sender: z.string(),
    receiver: z.string(),
    subject: z.string(),
    created_at: moment,
    ...death,
  })
  .meta({ id: 'DeadLetter' });

export const pageOfDeadLetters = z.object({ dead_letters: listOf(deadLetter), next_cursor: nextCursor });

/** More kinds of trouble than anybody would read; the rarest are left out. */
export const MOST_GROUPS = 200;

export const deadLetterGroups = z.object({
  groups: listOf(
    z.object({
      reason,
      code: z.string().nullable().describe('Of the last attempt.'),
      provider: providerName.nullable().describe('Of the last attempt.'),
      waiting: countOf('How many nobody has retried or discarded.'),
      oldest_at: moment,
      newest_at: moment,
    }),
  ).describe('The most first.'),
});

export const deadEmail = z.object({
  id: z.uuid(),
  client_id: z.uuid(),
  deaths: listOf(z.object(death)),
  email: emailAnswer,
});

export const bulkRetryAnswer = z.object({
  dry_run: z.boolean(),
  matching: countOf('How many there were.'),
  retried: countOf('How many began a new life.'),
  skipped: countOf('How many cannot at this moment. Ask again until `matching` is 0.'),
});

export const discardAnswer = z.object({ id: z.uuid(), resolution: z.literal('discarded') });

const isFilter = (given: object) => Object.values(given).some((value) => value !== undefined);

type Filters = z.infer<z.ZodObject<typeof filters>>;

/** @param scope whose dead letters the key may see; null for everyone's. */
export function filterOf(given: Filters, scope: string | null): DeadLetterFilter {
  return {
    clientId: scope ?? given.client,
    priority: given.priority,
    reason: given.reason,
    provider: given.provider,
    code: given.code,
    receiverDomain: given.receiver_domain,
    from: given.from,
    to: given.to,
  };
}

/** What a list is asked for. */
export function listFilterOf(query: z.output<typeof listQuery>, scope: string | null): DeadLetterFilter {
  const { state, without_code: withoutCode, without_provider: withoutProvider } = query;
  return { ...filterOf(query, scope), state, withoutCode, withoutProvider };
}
