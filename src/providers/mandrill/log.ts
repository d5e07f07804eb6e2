import { z } from 'zod';
import type { LoggedMessage, LogPage, ProviderLog } from '../provider.js';
import { identityOf } from '../webhook-format/normalise.js';
import { daysAround, MAX_SEARCH_RESULTS, type SearchAnswer, type SearchDocument, wasTaken } from './search.js';

type Search = (document: SearchDocument, signal: AbortSignal) => Promise<SearchAnswer>;

const MINUTE_MS = 60_000;
/** What was delivered is searchable for 30 days, what bounced for longer ("How to search outbound activity"). */
const KEPT_MS = 30 * 24 * 60 * MINUTE_MS;
/** Mandrill does not say how late its search may be; as long as Mailgun's. */
const LAG_MS = 30 * MINUTE_MS;
/** Its clock may be ahead of ours. */
const AHEAD_MS = 10 * MINUTE_MS;

/** In seconds since 1970, both ends included. */
const stretch = z.object({
  from: z.number(),
  to: z.number(),
  /** So many messages of this time have been seen in a search over a longer one; null: it is searched by days. */
  seen: z.number().nullable(),
  /** What a search is asked to show: less where an answer was too large to be read. */
  most: z.number(),
});
type Stretch = z.infer<typeof stretch>;

const stretchesIn = (next: string | null): Stretch[] => (next === null ? [] : z.array(stretch).parse(JSON.parse(next)));

/**
 * Mandrill's search has no pages, and shows a thousand messages at most. The first search is by days alone. If there may
 * be more than it shows, time is halved, by the field `ts` that messages are indexed by, until each search shows all.
 * Nobody promises that field, so its answers are held against what was seen before: a search that shows other times, or
 * less than it has to, is no base to go on from, and its time counts as cut.
 *
 * @param most what one search shows; only tests say less than Mandrill.
 */
export function mandrillLog(search: Search, most: number = MAX_SEARCH_RESULTS): ProviderLog {
  return {
    keptMs: KEPT_MS,
    lagMs: LAG_MS,
    async readPage(since, next, signal) {
      const [now = firstSince(since, most), ...later] = stretchesIn(next);
      const { from, to, seen } = now;
      const query = seen === null ? '*' : `ts:[${from} TO ${to}]`;
      const shown = await searchSome(search, { query, ...daysAround(from * 1000, to * 1000), limit: now.most }, signal);
      if (shown === 'too_large') return page([], [{ ...now, most: Math.floor(now.most / 2) }, ...later], false);
      const within = shown.filter(({ ts }) => ts === undefined || (ts >= from && ts <= to));
      const messages = within.flatMap(messageOf);
      if (seen !== null && (within.length < shown.length || within.length < Math.min(seen, now.most))) {
        return page(messages, later, true);
      }
      if (shown.length < now.most) return page(messages, later, false);
      if (from === to) return page(messages, later, true);
      return page(messages, [...halves(seen === null ? around(now, shown) : now, shown), ...later], false);
    },
    after: (next) => leftOf(stretchesIn(next).slice(1)),
  };
}

const firstSince = (since: Date, most: number): Stretch => ({
  ...{ from: Math.floor(since.getTime() / 1000), to: Math.ceil((Date.now() + AHEAD_MS) / 1000) },
  ...{ seen: null, most },
});

/** A search of fewer messages may be small enough to be read; then its time is halved as if there were no more. */
async function searchSome(
  search: Search,
  document: SearchDocument,
  signal: AbortSignal,
): Promise<SearchAnswer | 'too_large'> {
  try {
    return await search(document, signal);
  } catch (error) {
    if (document.limit > 1 && (error as Error).message === 'answer_too_large') return 'too_large';
    throw error;
  }
}

const leftOf = (left: readonly Stretch[]) => (left.length > 0 ? JSON.stringify(left) : null);

const page = (messages: readonly LoggedMessage[], left: readonly Stretch[], isCut: boolean): LogPage => ({
  messages,
  next: leftOf(left),
  isCut,
});

/** Widened to all that the search by days has shown: without any message to hold against, nobody would notice silence. */
function around({ from, to, ...more }: Stretch, shown: SearchAnswer): Stretch {
  const times = shown.flatMap(({ ts }) => (ts === undefined ? [] : [ts]));
  return { from: Math.min(from, ...times), to: Math.max(to, ...times), ...more };
}

/** The earlier half first. */
function halves({ from, to, most }: Stretch, shown: SearchAnswer): [Stretch, Stretch] {
  const middle = Math.floor((from + to) / 2);
  const seenIn = (first: number, last: number) => shown.filter(({ ts }) => ts && ts >= first && ts <= last).length;
  return [
    { from, to: middle, seen: seenIn(from, middle), most },
    { from: middle + 1, to, seen: seenIn(middle + 1, to), most },
  ];
}

/** Two of our variables: one alone that is named `email_id` may be anybody's. */
function messageOf({ metadata, state }: SearchAnswer[number]): LoggedMessage[] {
  const named = identityOf(metadata ?? {}, undefined);
  return named?.generation ? [{ emailId: named.emailId, isRejected: !wasTaken({ state }) }] : [];
}
