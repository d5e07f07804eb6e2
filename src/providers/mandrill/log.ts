import { z } from 'zod';
import { isUuid } from '../../uuid.js';
import type { LoggedMessage, LogPage, ProviderLog } from '../provider.js';
import { daysAround, MAX_SEARCH_RESULTS, type SearchAnswer, type SearchDocument } from './search.js';

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
  /** So many messages of this time have been seen in a search over a longer one. */
  seen: z.number(),
});
type Stretch = z.infer<typeof stretch>;

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
      const [now, ...later] = next === null ? [] : z.array(stretch).parse(JSON.parse(next));
      const all = { from: Math.floor(since.getTime() / 1000), to: Math.ceil((Date.now() + AHEAD_MS) / 1000), seen: 0 };
      const { from, to } = now ?? all;
      const query = now ? `ts:[${from} TO ${to}]` : '*';
      const shown = await search({ query, ...daysAround(from * 1000, to * 1000), limit: most }, signal);
      const within = shown.filter(({ ts }) => ts === undefined || (ts >= from && ts <= to));
      const messages = within.flatMap(messageOf);
      if (now && (within.length < shown.length || within.length < now.seen)) return page(messages, later, true);
      if (shown.length < most) return page(messages, later, false);
      if (from === to) return page(messages, later, true);
      return page(messages, [...halves(now ?? around(all, shown), shown), ...later], false);
    },
  };
}

const page = (messages: readonly LoggedMessage[], left: readonly Stretch[], isCut: boolean): LogPage => ({
  messages,
  next: left.length > 0 ? JSON.stringify(left) : null,
  isCut,
});

/** Widened to all that the search by days has shown: without any message to hold against, nobody would notice silence. */
function around({ from, to, seen }: Stretch, shown: SearchAnswer): Stretch {
  const times = shown.flatMap(({ ts }) => (ts === undefined ? [] : [ts]));
  return { from: Math.min(from, ...times), to: Math.max(to, ...times), seen };
}

/** The earlier half first. */
function halves({ from, to }: Stretch, shown: SearchAnswer): [Stretch, Stretch] {
  const middle = Math.floor((from + to) / 2);
  const seenIn = (first: number, last: number) => shown.filter(({ ts }) => ts && ts >= first && ts <= last).length;
  return [
    { from, to: middle, seen: seenIn(from, middle) },
    { from: middle + 1, to, seen: seenIn(middle + 1, to) },
  ];
}

function messageOf({ metadata, state }: SearchAnswer[number]): LoggedMessage[] {
  const emailId = metadata?.email_id;
  return emailId && isUuid(emailId) ? [{ emailId: emailId.toLowerCase(), isRejected: state === 'rejected' }] : [];
}
