import type { LoggedMessage, LogPage, ProviderLog } from '../provider.js';
import { identityOf, isObject, objectOf, textOf } from '../webhook-format/normalise.js';

/** Gets a page of the events API, by the last part of its address, or the first one by a search. */
type GetEvents = (page: string, params: [string, string][], signal: AbortSignal) => Promise<Record<string, unknown>>;

const MINUTE_MS = 60_000;
/** By the account: a free one's log is kept for one day. That there is nothing further back proves nothing. */
const KEPT_MS = 24 * 60 * MINUTE_MS;
/** Events are stored in another order than they happen: the documentation waits half an hour for all of them. */
const LAG_MS = 30 * MINUTE_MS;
/** The most that Mailgun shows at once. */
const PAGE_SIZE = '300';
/** The last part of a page's address. It goes into an address of ours, with our key. */
const PAGE = /\/events\/([\w=.~%+-]{1,8192})$/;

/**
 * Mailgun's events of the type `accepted`, of which each message has one, from the oldest on. A search without an end
 * goes on for as long as pages have something on them, as the documentation has it ("Events", "Event polling").
 */
export function mailgunLog(getEvents: GetEvents): ProviderLog {
  return {
    keptMs: KEPT_MS,
    lagMs: LAG_MS,
    async readPage(since, next, signal) {
      const first: [string, string][] = [
        ['begin', String(Math.floor(since.getTime() / 1000))],
        ['ascending', 'yes'],
        ['event', 'accepted'],
        ['limit', PAGE_SIZE],
      ];
      return pageOf(await getEvents(next === null ? '' : `/${next}`, next === null ? first : [], signal), next);
    },
  };
}

/** @throws Error when the answer is not of the events API. */
function pageOf({ items, paging }: Record<string, unknown>, current: string | null): LogPage {
  if (!Array.isArray(items)) throw new Error('unreadable_answer');
  // Each page has a next one, but none follows an empty one.
  if (items.length === 0) return { messages: [], next: null };
  const [, next] = PAGE.exec(textOf(objectOf(paging).next) ?? '') ?? [];
  const messages = items.flatMap(messageOf);
  return next && next !== current ? { messages, next } : { messages, next: null, isCut: true };
}

/** Two of our variables, or a Message-ID like ours: one alone that is named `email_id` may be anybody's. */
function messageOf(event: unknown): LoggedMessage[] {
  if (!isObject(event)) return [];
  const named = identityOf(objectOf(event['user-variables']), undefined);
  if (named?.generation) return [{ emailId: named.emailId, isRejected: false }];
  const messageId = textOf(objectOf(objectOf(event.message).headers)['message-id']);
  const identity = identityOf({}, messageId);
  const [, domain] = /@([^@>]+)>?$/.exec(messageId ?? '') ?? [];
  return identity && domain ? [{ emailId: identity.emailId, domain: domain.toLowerCase(), isRejected: false }] : [];
}
