import Router from '@koa/router';
import type { Context } from 'koa';
import { ZodError } from 'zod';
import type { Box } from './box.js';
import { readBody } from './calls.js';
import { PAUSE_POINTS, type PausePoint } from './faults/faults.js';
import type { Happening, Message } from './message.js';
import { indexPage } from './page.js';

const BODY_LIMIT_BYTES = 1024 * 1024;
const MAX_WAIT_MS = 60_000;
const DEFAULT_LISTED = 100;

/** What a reader can be made to do, by its word in the address. */
const READER_ACTS: Readonly<Record<string, Happening>> = {
  open: 'opened',
  click: 'clicked',
  complain: 'complained',
  bounce: 'hard_bounce',
  unsubscribe: 'unsubscribed',
};

const PIXEL = Buffer.from('R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7', 'base64');

/** What only a sandbox has: faults, pauses, inspection, and the pixel that the provider adds to mails. */
export function controlRoutes(box: Box, reset: () => Promise<void>): Router {
  const router = new Router();
  addPage(router, box, reset);
  addFaults(router, box);
  addPauses(router, box);
  addInspection(router, box);
  return router;
}

/** The page, whether the sandbox is up, the pixel in mails, and the way back to the beginning. */
function addPage(router: Router, box: Box, reset: () => Promise<void>): void {
  router.get('/healthz', (ctx) => {
    ctx.body = { status: 'ok' };
  });
  router.get('/o/:file', (ctx) => {
    const message = box.store.message(ctx.params.file?.replace(/\.gif$/, '') ?? '');
    if (message) box.carrier.record(message, 'opened');
    ctx.type = 'image/gif';
    ctx.set('cache-control', 'no-store');
    ctx.body = PIXEL;
  });

  router.get('/sandbox', (ctx) => {
    ctx.type = 'html';
    ctx.body = indexPage(box);
  });
  router.delete('/sandbox', async (ctx) => {
    await reset();
    ctx.status = 204;
  });
}

function addFaults(router: Router, box: Box): void {
  router.get('/sandbox/faults', (ctx) => {
    ctx.body = box.faults.get();
  });
  router.put('/sandbox/faults', async (ctx) => {
    try {
      ctx.body = box.faults.set(JSON.parse(await readBody(ctx, BODY_LIMIT_BYTES)));
    } catch (error) {
      if (!(error instanceof ZodError) && !(error instanceof SyntaxError)) throw error;
      ctx.status = 400;
      ctx.body = { message: error.message };
    }
  });
}

/** Requests that are held at a point, until they are released. */
function addPauses(router: Router, box: Box): void {
  router.get('/sandbox/waiting', async (ctx) => {
    const point = text(ctx, 'point');
    if (point !== null && !(PAUSE_POINTS as readonly string[]).includes(point)) {
      ctx.status = 400;
      ctx.body = { message: `point must be one of ${PAUSE_POINTS.join(', ')}` };
      return;
    }
    const timeoutMs = Math.min(Number(text(ctx, 'timeout_ms') ?? 30_000) || 0, MAX_WAIT_MS);
    const reached = await box.pauses.waitFor(point as PausePoint | null, timeoutMs);
    // 204 when nothing came to the point in time.
    if (reached === null) ctx.status = 204;
    else ctx.body = reached;
  });
  router.get('/sandbox/held', (ctx) => {
    ctx.body = { held: box.pauses.list() };
  });
  router.post('/sandbox/release', (ctx) => {
    ctx.body = { released: box.pauses.release() };
  });
}

/** What was accepted and what became of it, and what a reader does. */
function addInspection(router: Router, box: Box): void {
  router.get('/sandbox/acceptance', (ctx) => {
    ctx.body = box.store.acceptance(text(ctx, 'email_id') ?? undefined);
  });
  router.get('/sandbox/searches', (ctx) => {
    ctx.body = box.searches;
  });
  router.get('/sandbox/messages', async (ctx) => {
    const emailId = text(ctx, 'email_id');
    const limit = Number(text(ctx, 'limit') ?? DEFAULT_LISTED) || DEFAULT_LISTED;
    const messages = box.store.allMessages().filter((message) => emailId === null || message.emailId === emailId);
    const listed = messages.slice(-limit);
    // Bodies may be large: only of the e-mail that is asked for.
    const contents = await Promise.all(listed.map(({ id }) => (emailId === null ? {} : box.store.contents.of(id))));
    ctx.body = listed.map((message, index) => ({ ...described(box, message), ...contents[index] }));
  });
  router.post('/sandbox/messages/:email_id/:act', (ctx) => {
    const type = Object.hasOwn(READER_ACTS, ctx.params.act ?? '') ? READER_ACTS[ctx.params.act ?? ''] : undefined;
    const message = box.store.messageOfEmail(ctx.params.email_id ?? '');
    if (type === undefined || message === undefined) {
      ctx.status = 404;
      ctx.body = { message: type === undefined ? `acts: ${Object.keys(READER_ACTS).join(', ')}` : 'no such message' };
      return;
    }
    box.carrier.record(message, type);
    ctx.body = described(box, message);
  });
}

function text(ctx: Context, name: string): string | null {
  const value = ctx.query[name];
  return typeof value === 'string' && value !== '' ? value : null;
}

function described(box: Box, message: Message) {
  return {
    ...message,
    events: box.store.eventsOf(message.id).map((event) => ({
      id: event.id,
      type: event.type,
      at: new Date(event.atMs).toISOString(),
      webhook: !event.webhook ? 'none' : box.store.isOwed(event.id) ? 'owed' : 'told',
    })),
  };
}
