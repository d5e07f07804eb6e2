import type { Middleware } from 'koa';
import { z } from 'zod';
import type { Box } from '../box.js';
import { chance } from '../faults/faults.js';
import type { Message } from '../message.js';
import { mandrillState } from './events.js';
import { fail } from './voice.js';

const MINUTE_MS = 60_000;
const DEFAULT_DAYS_MS = 7 * 24 * 60 * MINUTE_MS;

const searchSchema = z.object({
  query: z.string().nullish(),
  date_from: z.string().nullish(),
  date_to: z.string().nullish(),
  tags: z.array(z.string()).nullish(),
  senders: z.array(z.string()).nullish(),
  limit: z.number().int().min(1).max(1000).nullish(),
});

/** What a message shows of itself in a search. */
function described(box: Box, message: Message) {
  const events = box.store.eventsOf(message.id);
  const seen = (type: string) =>
    events
      .filter((event) => event.type === type)
      .map((event) => ({ ts: Math.floor(event.atMs / 1000), ip: '127.0.0.1', location: null, ua: 'sandbox' }));
  const opens = seen('opened');
  const clicks = seen('clicked').map((click) => ({ ...click, url: 'http://example.com/' }));
  return {
    ts: Math.floor(message.acceptedAtMs / 1000),
    _id: message.providerMessageId,
    sender: message.sender,
    template: null,
    subject: message.subject,
    email: message.receiver,
    tags: message.tags,
    opens: opens.length,
    opens_detail: opens,
    clicks: clicks.length,
    clicks_detail: clicks,
    state: mandrillState(events),
    metadata: message.variables,
    smtp_events: events
      .filter((event) => event.type === 'delivered')
      .map((event) => ({ ts: Math.floor(event.atMs / 1000), type: 'sent', diag: '250 2.0.0 OK' })),
    resends: [],
    reject: message.refusal === null ? null : { reason: message.refusal, last_event_at: null },
  };
}

/** What look-ups can see now: faults make them lag or miss. */
function visible(box: Box): Message[] {
  const { lookUpLagMs, lookUpMiss } = box.faults.of('mandrill');
  if (chance(lookUpMiss)) return [];
  const shownUntilMs = Date.now() - lookUpLagMs;
  return box.store
    .allMessages()
    .filter((message) => message.provider === 'mandrill' && message.acceptedAtMs <= shownUntilMs);
}

/** `POST /api/1.0/messages/search.json`; refuses more calls a minute than Mandrill does. */
export function searchMessages(box: Box): Middleware {
  let callsMs: number[] = [];
  return (ctx) => {
    const nowMs = Date.now();
    callsMs = callsMs.filter((atMs) => atMs > nowMs - MINUTE_MS);
    if (callsMs.length >= box.options.mandrill.searchesPerMinute) {
      box.searches.refused++;
      return fail(ctx, 'RequestLimitExceeded', 'Too many searches');
    }
    callsMs.push(nowMs);
    box.searches.answered++;
    const parsed = searchSchema.safeParse(ctx.state.body);
    if (!parsed.success) return fail(ctx, 'ValidationError', 'Validation error');
    const { query, date_from, date_to, tags, senders, limit } = parsed.data;
    const fromMs = date_from ? startOf(date_from) : nowMs - DEFAULT_DAYS_MS;
    const toMs = date_to ? endOf(date_to) : Number.POSITIVE_INFINITY;
    if (Number.isNaN(fromMs) || Number.isNaN(toMs)) return fail(ctx, 'ValidationError', 'Validation error: dates');
    const matches = matcher(query ?? '*');
    ctx.body = visible(box)
      .filter((message) => message.acceptedAtMs >= fromMs && message.acceptedAtMs <= toMs)
      .filter((message) => !tags?.length || tags.some((tag) => message.tags.includes(tag)))
      .filter((message) => !senders?.length || senders.includes(message.sender))
      .filter((message) => matches(box, message))
      .reverse()
      .slice(0, limit ?? 100)
      .map((message) => described(box, message));
  };
}

/** `POST /api/1.0/messages/info.json`. */
export function messageInfo(box: Box): Middleware {
  return (ctx) => {
    const id = String((ctx.state.body as { id?: unknown }).id ?? '');
    const message = visible(box).find((candidate) => candidate.providerMessageId === id);
    if (!message) return fail(ctx, 'Unknown_Message', `No message exists with the id '${id}'`);
    ctx.body = described(box, message);
  };
}

/** A day counts from its first moment, a full date-time (UTC, as Mandrill writes it) as it is. */
function startOf(date: string): number {
  return Date.parse(/^\d{4}-\d{2}-\d{2}$/.test(date) ? `${date}T00:00:00Z` : utc(date));
}

/** A day counts to its last moment. */
function endOf(date: string): number {
  return Date.parse(/^\d{4}-\d{2}-\d{2}$/.test(date) ? `${date}T23:59:59.999Z` : utc(date));
}

function utc(date: string): string {
  return /(?:Z|[+-]\d{2}:?\d{2})$/.test(date) ? date : `${date.replace(' ', 'T')}Z`;
}

/**
 * The part of Mandrill's query language that programs use: `field:value` (`email`, `sender`, `subject`, `state`,
 * `tags`, and `u_<name>` for metadata), `ts:[from TO to]` in seconds, plain words, `AND` and `OR` without brackets, `*`
 * for everything.
 */
function matcher(query: string): (box: Box, message: Message) => boolean {
  const alternatives = query
    .split(/\s+OR\s+/)
    .map((part) => (part.match(/[a-z_]+:\[[^\]]*\]|\S+/g) ?? []).filter((term) => term !== 'AND'));
  return (box, message) => {
    const shown = described(box, message);
    return alternatives.some((terms) => terms.every((term) => meets(shown, term)));
  };
}

function meets(shown: ReturnType<typeof described>, term: string): boolean {
  if (term === '*' || term === '*:*') return true;
  const [, from, to] = /^ts:\[(\d+) TO (\d+)\]$/.exec(term) ?? [];
  if (from !== undefined) return shown.ts >= Number(from) && shown.ts <= Number(to);
  const [, field, quoted] = /^([a-z_]+):(.+)$/.exec(term) ?? [];
  const value = (quoted ?? term).replace(/^"|"$/g, '').toLowerCase();
  const same = (text: unknown) => String(text).toLowerCase() === value;
  switch (field) {
    case 'email':
      return same(shown.email);
    case 'sender':
      return same(shown.sender);
    case 'subject':
      return shown.subject.toLowerCase().includes(value);
    case 'state':
      return same(shown.state);
    case 'tags':
      return shown.tags.some(same);
    case undefined:
      return [shown.email, shown.subject, shown.sender].some((text) => text.toLowerCase().includes(value));
    default:
      return field.startsWith('u_') && same(shown.metadata[field.slice(2)]);
  }
}
