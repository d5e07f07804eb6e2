import { z } from 'zod';
import type { DeadLetterFilter } from '../../domain/dead-letters/search.js';
import { PRIORITIES } from '../../priority.js';
import { cursor, pageLimit, providerName } from '../fields.js';

const time = z.iso.datetime({ offset: true }).transform((text) => new Date(text));
const code = z.string().regex(/^[\w.-]{1,64}$/);

/** The filters of a list and of a bulk retry alike. */
const filters = {
  priority: z.enum(PRIORITIES).optional(),
  reason: z.enum(['lifetime_over', 'ambiguous', 'stopped_in_temporal']).optional(),
  provider: providerName.optional(),
  code: code.optional(),
  client: z.uuid().optional(),
  receiver_domain: z.string().min(1).max(253).toLowerCase().optional(),
  from: time.optional(),
  to: time.optional(),
};

export const listQuery = z.strictObject({
  ...filters,
  state: z.enum(['open', 'resolved', 'all']).default('open'),
  limit: pageLimit(50, 200),
  cursor: cursor(z.object({ diedAt: z.iso.datetime({ precision: 6 }), emailId: z.uuid() })).optional(),
});

/** How many one request retries: each is a transaction of its own, a few milliseconds long. */
const MAX_BULK = 1_000;

export const bulkRetryBody = z
  .strictObject({
    ...filters,
    /** Every one, instead of a filter. */
    all: z.literal(true).optional(),
    limit: z.number().int().min(1).max(MAX_BULK).default(MAX_BULK),
    dry_run: z.boolean().default(false),
    /** Retry through this one; `provider` is the one that failed. */
    through: providerName.optional(),
  })
  .refine(({ all, dry_run, limit: _, through: __, ...given }) => dry_run || (all === true) !== isFilter(given), {
    path: ['all'],
    error: 'say which: either filters, or "all": true for every dead letter',
  });

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
