import { PassThrough } from 'node:stream';
import { z } from 'zod';
import { readSamples, SAMPLE_DAYS, SAMPLE_SECONDS } from '../../domain/samples/samples.js';
import { Problem } from '../../http/problem.js';
import type { Readiness } from '../../http/readiness.js';
import { countOf, listOf, moment } from '../routing/answers.js';
import { type ApiContext, route } from '../routing/route.js';
import type { Told } from './live.js';
import type { LiveSample } from './sample.js';

/** More screens than hang in one room; each is a connection, and a few kilobytes every two seconds. */
const MOST_WATCHERS = 200;
/** A watcher that reads so slowly misses samples: the newest is all that is of use. */
const MOST_UNREAD_BYTES = 256 * 1024;
/** How often it is looked whether a watcher may still watch. To watch is to use a session. */
const CONFIRM_MS = 60_000;
/** How often it is looked whether the process is to stop. Its streams would keep it until they are cut off. */
const STOPPING_MS = 1_000;
/** Browsers ask anew when it ends. So that a proxy, or a process that is to end, does not wait for ever. */
const LONGEST_MS = 30 * 60_000;

/** One event of the stream, as tools read descriptions of event streams. */
const stream = z.custom<void>().meta({
  override: {
    type: 'object',
    required: ['event', 'data'],
    properties: { event: { enum: ['sample', 'trouble'] }, data: { type: 'string', description: 'JSON.' } },
  },
});

const watch = route({
  method: 'get',
  path: '/api/admin/stream',
  operationId: 'watchOverview',
  summary: 'Everything at a glance, again and again',
  description: [
    'Server-sent events for `Accept: text/event-stream`; without that one of them, and the answer ends. `sample` is JSON:',
    'what `/api/admin/overview` answers, with `flow` (hand-overs and acceptances a minute, e-mails in time) and `calls`',
    '(what providers did in the last five minutes). A process looks every two seconds or so, once for all who watch, and',
    'not at all while nobody does. `trouble`: it cannot look now.',
  ].join(' '),
  tag: 'Administration',
  access: { scope: null, role: 'viewer' },
  answer: { status: 200, description: 'Events.', schema: stream, mediaType: 'text/event-stream' },
  problems: ['too_many_viewers'],
  handle: (_input, ctx, { live, readiness }) => {
    if (live.watching >= MOST_WATCHERS) {
      throw new Problem(503, 'too_many_viewers', 'Too many watch already.', { headers: { 'Retry-After': '10' } });
    }
    ctx.set('Cache-Control', 'no-store');
    // Proxies of the kind of nginx would wait until there is more.
    ctx.set('X-Accel-Buffering', 'no');
    if (ctx.method === 'HEAD') return;
    const goesOn = ctx.get('Accept').includes('text/event-stream');
    const body = new PassThrough();
    // Not the handler's answer, which Koa would wait for: it is written as it comes.
    ctx.body = body;
    const end = live.watch((told) => {
      if (body.writable && body.writableLength < MOST_UNREAD_BYTES) body.write(eventOf(told));
      if (!goesOn) body.end();
    });
    const timers = keepConfirming(ctx, body, readiness);
    body.on('close', () => {
      end();
      for (const timer of timers) clearTimeout(timer);
    });
  },
});

/** Ends the events when whoever watches may no longer, when the process is to stop, or after a while. */
function keepConfirming(ctx: ApiContext, body: PassThrough, readiness: Readiness): NodeJS.Timeout[] {
  const confirm = async () => {
    try {
      await ctx.state.confirm();
    } catch {
      body.end();
    }
  };
  const endIfStopping = () => {
    if (readiness.isStopping) body.end();
  };
  const timers = [
    setInterval(() => void confirm(), CONFIRM_MS),
    setInterval(endIfStopping, STOPPING_MS),
    setTimeout(() => body.end(), LONGEST_MS),
  ];
  return timers.map((timer) => timer.unref());
}

function eventOf(told: Told<LiveSample>): string {
  if ('trouble' in told) return 'event: trouble\ndata: {}\n\n';
  return `event: sample\ndata: ${JSON.stringify(told.sample)}\n\n`;
}

const HOUR_MS = 3_600_000;
const time = z.iso.datetime({ offset: true }).transform((text) => new Date(text));
const numbers = z.record(z.string(), z.record(z.string(), z.union([z.number(), z.string(), z.boolean(), z.null()])));

const list = route({
  method: 'get',
  path: '/api/admin/samples',
  operationId: 'listSamples',
  summary: 'How it stood',
  description: [
    `The dispatcher keeps the numbers of one moment every ${SAMPLE_SECONDS} seconds for ${SAMPLE_DAYS} days. When there are`,
    'more than `points`, the last one of each part of the time is answered. While no dispatcher runs there are none.',
  ].join(' '),
  tag: 'Administration',
  access: { scope: null, role: 'viewer' },
  query: z
    .strictObject({
      from: time.optional().describe('Default: an hour before `to`.'),
      to: time.optional().describe('Default: now.'),
      points: z.coerce.number().int().min(2).max(1_000).default(300),
    })
    .transform(({ from, to = new Date(), points }) => {
      return { from: from ?? new Date(to.getTime() - HOUR_MS), to, points };
    })
    .refine(({ from, to }) => from < to, { path: ['from'], error: 'must be before "to"' })
    .refine(({ from, to }) => to.getTime() - from.getTime() <= 31 * 24 * HOUR_MS, {
      path: ['from'],
      error: 'is more than 31 days before "to"',
    }),
  answer: {
    status: 200,
    description: 'The oldest first.',
    schema: z.object({
      samples: listOf(
        z.object({
          at: moment.describe('The beginning of its interval.'),
          sample: z.object({
            queues: numbers.describe('By priority.'),
            flow: numbers.describe('By priority.'),
            providers: numbers.describe('By provider; calls are those of five minutes.'),
            dead_letters: countOf('Waiting.'),
          }),
        }),
      ),
    }),
  },
  handle: async ({ query: { from, to, points } }, ctx, { db }) => {
    ctx.set('Cache-Control', 'no-store');
    return { samples: (await readSamples(db, from, to, points)) as never };
  },
});

export const liveRoutes = [watch, list];
