import type { Middleware } from 'koa';
import type { Box } from '../box.js';
import { readBody } from '../calls.js';
import { chance } from '../faults/faults.js';
import type { Message, MessageEvent } from '../message.js';
import { mailgunEvent, mailgunEventName, mailgunSeverity } from './events.js';
import { say } from './voice.js';

interface Found {
  readonly message: Message;
  readonly event: MessageEvent;
}

/** The event has one of these values in this field. */
interface Condition {
  readonly field: string;
  readonly values: readonly string[];
}

interface Search {
  readonly conditions: readonly Condition[];
  readonly fromMs: number;
  readonly toMs: number;
  readonly ascending: boolean;
}

const DEFAULT_LIMIT = 100;
const MAX_LIMIT = 300;
const BODY_LIMIT_BYTES = 1024 * 1024;
const DAY_MS = 24 * 60 * 60 * 1000;

/** What each filter looks at. */
const FILTERS: Readonly<Record<string, (found: Found) => readonly string[]>> = {
  event: ({ event }) => [mailgunEventName(event.type)],
  'message-id': ({ message }) => [message.messageIdHeader.replace(/^<|>$/g, '')],
  recipient: ({ message }) => [message.receiver],
  recipients: ({ message }) => [message.receiver],
  to: ({ message }) => [message.receiver],
  from: ({ message }) => [message.sender],
  subject: ({ message }) => [message.subject],
  tags: ({ message }) => message.tags,
  attachment: ({ message }) => message.attachments.map(({ filename }) => filename),
  severity: ({ event }) => [mailgunSeverity(event.type) ?? ''],
};

/** What a look-up can see now: faults make it lag or miss. */
function search(box: Box, { conditions, fromMs, toMs, ascending }: Search): Found[] {
  const { lookUpLagMs, lookUpMiss } = box.faults.of('mailgun');
  if (chance(lookUpMiss)) return [];
  const shownUntilMs = Math.min(toMs, Date.now() - lookUpLagMs);
  const found: Found[] = [];
  for (const message of candidates(box, conditions)) {
    if (message.provider !== 'mailgun') continue;
    for (const event of box.store.eventsOf(message.id)) {
      const candidate = { message, event };
      const inRange = event.atMs >= fromMs && event.atMs <= shownUntilMs;
      if (inRange && conditions.every((condition) => meets(candidate, condition))) found.push(candidate);
    }
  }
  found.sort((a, b) => a.event.atMs - b.event.atMs);
  return ascending ? found : found.reverse();
}

/** Messages worth looking at: a Message-ID is looked up, not searched for, since workers ask for one at a time. */
function candidates(box: Box, conditions: readonly Condition[]): readonly Message[] {
  const byId = conditions.find(({ field }) => field === 'message-id');
  return byId ? byId.values.flatMap((id) => box.store.messagesOfHeader(`<${id}>`)) : box.store.allMessages();
}

function meets(found: Found, { field, values }: Condition): boolean {
  const actual = FILTERS[field]?.(found) ?? [];
  return values.some((value) => actual.some((text) => text.toLowerCase() === value.toLowerCase()));
}

function limitOf(text: unknown): number {
  const limit = Number(text);
  return Number.isInteger(limit) && limit > 0 ? Math.min(limit, MAX_LIMIT) : DEFAULT_LIMIT;
}

/** Seconds since the epoch or a date in words; NaN when it is neither. */
function timeMs(text: string): number {
  return /^\d+(\.\d+)?$/.test(text) ? Number(text) * 1000 : Date.parse(text);
}

/**
 * `GET /v3/{domain}/events` and its pages. A page's address carries the query and where the page begins; a page past
 * the end is empty, as at Mailgun.
 */
export function getEvents(box: Box): Middleware {
  return (ctx) => {
    const page = readPage(ctx.params.page) ?? { query: { ...(ctx.query as Record<string, string>) }, offset: 0 };
    const { begin, end, ascending, limit, ...filters } = page.query;
    const beginMs = begin === undefined ? undefined : timeMs(begin);
    const endMs = end === undefined ? undefined : timeMs(end);
    if (Number.isNaN(beginMs) || Number.isNaN(endMs)) return say(ctx, 400, 'Invalid time range');
    const unknown = Object.keys(filters).find((name) => FILTERS[name] === undefined);
    if (unknown !== undefined) return say(ctx, 400, `Unknown filter: ${unknown}`);
    const conditions = Object.entries(filters).map(([field, value]) => ({ field, values: alternatives(value) }));
    const all = search(box, { conditions, ...rangeOf(beginMs, endMs, ascending) });
    const size = limitOf(limit);
    const pageUrl = (offset: number) =>
      `${box.url}/v3/${ctx.params.domain}/events/${writePage({ query: page.query, offset })}`;
    ctx.body = {
      items: all.slice(page.offset, page.offset + size).map(({ message, event }) => mailgunEvent(message, event)),
      paging: {
        previous: pageUrl(Math.max(0, page.offset - size)),
        first: pageUrl(0),
        last: pageUrl(Math.max(0, Math.floor((all.length - 1) / size) * size)),
        next: pageUrl(page.offset + size),
      },
    };
  };
}

/** Of a beginning and an end, the earlier one says the direction. A beginning alone goes on forwards, or back if it is said. */
function rangeOf(beginMs: number | undefined, endMs: number | undefined, said: string | undefined) {
  if (beginMs === undefined) return { fromMs: 0, toMs: endMs ?? Number.POSITIVE_INFINITY, ascending: said === 'yes' };
  const ascending = endMs === undefined ? said !== 'no' : beginMs <= endMs;
  const farMs = endMs ?? (ascending ? Number.POSITIVE_INFINITY : 0);
  return { fromMs: Math.min(beginMs, farMs), toMs: Math.max(beginMs, farMs), ascending };
}

/** Values of a filter, which may be an expression such as `delivered OR failed`, with or without angle brackets. */
function alternatives(expression: string): string[] {
  return expression.split(' OR ').map((value) => value.trim().replace(/^<|>$/g, '').replace(/^"|"$/g, ''));
}

interface Page {
  readonly query: Record<string, string>;
  readonly offset: number;
}

function writePage(page: Page): string {
  return Buffer.from(JSON.stringify(page)).toString('base64url');
}

function readPage(token: string | undefined): Page | null {
  if (token === undefined) return null;
  try {
    return JSON.parse(Buffer.from(token, 'base64url').toString()) as Page;
  } catch {
    return null;
  }
}

interface LogsQuery {
  readonly start?: string;
  readonly end?: string;
  readonly events?: readonly string[];
  readonly filter?: { readonly AND?: readonly { attribute: string; values: readonly { value: string }[] }[] };
  readonly pagination?: { readonly limit?: number; readonly token?: string; readonly sort?: string };
}

/** `POST /v1/analytics/logs`, the successor of the events API. */
export function listLogs(box: Box): Middleware {
  return async (ctx) => {
    let query: LogsQuery;
    try {
      query = JSON.parse(await readBody(ctx, BODY_LIMIT_BYTES)) as LogsQuery;
    } catch {
      return say(ctx, 400, 'Invalid JSON');
    }
    const toMs = query.end ? Date.parse(query.end) : Date.now();
    const fromMs = query.start ? Date.parse(query.start) : toMs - DAY_MS;
    const conditions: Condition[] = (query.filter?.AND ?? []).map(({ attribute, values }) => ({
      field: attribute.replaceAll('_', '-'),
      values: values.flatMap(({ value }) => alternatives(value)),
    }));
    if (query.events) conditions.push({ field: 'event', values: query.events });
    const unknown = conditions.find(({ field }) => FILTERS[field] === undefined);
    if (unknown) return say(ctx, 400, `Unknown filter attribute: ${unknown.field}`);
    // Dates in the query are whole seconds: the last one counts in full.
    const ascending = query.pagination?.sort === 'timestamp:asc';
    const all = search(box, { conditions, fromMs, toMs: toMs + 999, ascending });
    const size = limitOf(query.pagination?.limit);
    const offset = Number(query.pagination?.token ?? 0) || 0;
    ctx.body = {
      start: new Date(fromMs).toUTCString(),
      end: new Date(toMs).toUTCString(),
      items: all.slice(offset, offset + size).map(({ message, event }) => {
        const { timestamp, 'user-variables': variables, ...rest } = mailgunEvent(message, event);
        return {
          ...rest,
          '@timestamp': new Date(timestamp * 1000).toISOString(),
          'user-variables': JSON.stringify(variables),
          domain: { name: box.options.mailgun.domain },
        };
      }),
      pagination: {
        first: '0',
        previous: String(Math.max(0, offset - size)),
        next: String(offset + size),
        last: String(Math.max(0, Math.floor((all.length - 1) / size) * size)),
        total: all.length,
      },
      aggregates: { all: all.length, metrics: {} },
    };
  };
}
