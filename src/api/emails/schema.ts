import { domainToASCII } from 'node:url';
import { z } from 'zod';
import { uuidFloor } from '../../postgres/partitions.js';
import { cursor, pageLimit, priority, address as submittedAddress } from '../fields.js';
import { listOf, moment, nextCursor } from '../routing/answers.js';

const DAY_MS = 86_400_000;
/** The window of a search that names none, and the longest one. */
const WINDOW_MS = 30 * DAY_MS;
export const MAX_WINDOW_MS = 366 * DAY_MS;
/** How far clocks may be apart: ids are made by the database's. */
const AHEAD_MS = 10 * 60_000;

/** An id begins with the milliseconds since 1970. */
export const time = z.iso
  .datetime({ offset: true })
  .transform((text) => new Date(text))
  .refine((at) => at.getTime() >= 0, 'must not be before 1970');

/** An address to compare with: a domain in letters of any script is meant as it is submitted, in punycode. */
export const address = z
  .string()
  .max(512)
  .transform((text) =>
    text.replace(/@([^@<>\s]*[^\u0000-\u007f][^@<>\s]*)/, (_, domain) => `@${domainToASCII(domain)}`),
  )
  .pipe(submittedAddress)
  .transform((given) => given.address)
  .meta({ description: 'One address. Case does not matter; `a+b@…` and `a@…` are two.' });

const pair = z
  .string()
  .max(1_024)
  .regex(/^[^=]+=/, 'must be NAME=VALUE')
  .transform((text): [string, string] => [text.slice(0, text.indexOf('=')), text.slice(text.indexOf('=') + 1)])
  .meta({ examples: ['order=1042'] });

/** Given once or several times. */
const pairs = z.union([pair.transform((one) => [one]), z.array(pair).max(5)]).meta({
  override: { type: 'array', items: { type: 'string' }, maxItems: 5 },
  description:
    '`NAME=VALUE`: the metadata has this name with this text, number or truth value. Several times: all of them.',
  examples: [['order=1042']],
});

/** What a window of time can have wrong. */
export const ENDS_BEFORE = { path: ['to'], error: 'lies before from' };
export const TOO_LONG = { path: ['from'], error: 'is more than 366 days before to' };

export const searchQuery = z
  .strictObject({
    receiver: address.optional(),
    sender: address.optional(),
    status: z
      .string()
      .regex(/^[a-z_]{1,64}$/)
      .optional(),
    priority: priority.optional(),
    client: z.uuid().optional().describe('Whose: an operator may name any client.'),
    tag: z.string().min(1).max(128).optional(),
    metadata: pairs.optional(),
    from: time.optional().describe('Accepted at or after. Default: 30 days before `to`.'),
    to: time.optional().describe('Accepted before. Default: now.'),
    limit: pageLimit(50, 200),
    cursor: cursor(z.object({ before: z.uuid() })).optional(),
  })
  .refine(({ from, to }) => windowMsOf(from, to) >= 0, ENDS_BEFORE)
  .refine(({ from, to }) => windowMsOf(from, to) <= MAX_WINDOW_MS, TOO_LONG);

/** What is no time is another fault, and comes here as it is. */
export function windowMsOf(from: unknown, to: unknown): number {
  const end = to instanceof Date ? to.getTime() : Date.now();
  return from instanceof Date && (to === undefined || to instanceof Date) ? end - from.getTime() : 0;
}

/** The ids of a window, as far as a page before has not shown them. */
export function rangeOf({ from, to, cursor }: Pick<z.output<typeof searchQuery>, 'from' | 'to' | 'cursor'>) {
  const end = to ?? new Date(Date.now() + AHEAD_MS);
  const begin = from ?? new Date(Math.max(0, (to ?? new Date()).getTime() - WINDOW_MS));
  const last = uuidFloor(end);
  const before = cursor && cursor.before < last ? cursor.before : last;
  return { from: uuidFloor(begin), before };
}

const found = z
  .object({
    id: z.uuid(),
    client_id: z.uuid(),
    status: z.string(),
    priority,
    sender: z.string(),
    receiver: z.string(),
    subject: z.string(),
    tags: listOf(z.string()),
    created_at: moment,
    deadline_at: moment,
    sent_at: moment.nullable(),
    provider: z.string().nullable(),
  })
  .meta({ id: 'FoundEmail' });

export const pageOfEmails = z.object({ emails: listOf(found), next_cursor: nextCursor });
