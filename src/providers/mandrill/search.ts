import { z } from 'zod';

/** Mandrill's own limit: one search shows so many messages, and there is no next page. */
export const MAX_SEARCH_RESULTS = 1000;
const DAY_MS = 24 * 60 * 60 * 1000;

const scalar = z.union([z.string(), z.number()]).transform(String).optional();

/** What we read of an answer of `messages/search` (https://mailchimp.com/developer/transactional/api/messages). */
export const searchAnswer = z.array(
  z.object({
    _id: z.string().min(1),
    /** Seconds since 1970. */
    ts: z.number().optional().catch(undefined),
    state: z.string().optional().catch(undefined),
    metadata: z.object({ email_id: scalar, generation: scalar, attempt: scalar }).nullish().catch(null),
  }),
);
export type SearchAnswer = z.infer<typeof searchAnswer>;

/**
 * Whether Mandrill has taken the message. What it refuses it shows as well, as `rejected`: whoever was not told so may not
 * believe that it was sent. All other states (`sent`, `bounced`, `deferred`, `spam`, `unsub`) come after that.
 */
export const wasTaken = ({ state }: Pick<SearchAnswer[number], 'state'>): boolean => state !== 'rejected';

export interface SearchDocument {
  readonly query: string;
  readonly date_from: string;
  readonly date_to: string;
  readonly limit: number;
}

/** Days are the finest grain of a search, and Mandrill's may be another one than ours. */
export function daysAround(fromMs: number, toMs: number): Pick<SearchDocument, 'date_from' | 'date_to'> {
  const day = (atMs: number) => new Date(atMs).toISOString().slice(0, 10);
  return { date_from: day(fromMs - DAY_MS), date_to: day(toMs + DAY_MS) };
}
