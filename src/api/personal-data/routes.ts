import { addAbortSignal, Readable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { z } from 'zod';
import type { Target } from '../../domain/audit/targets.js';
import { exportArchive } from '../../domain/personal-data/export.js';
import { countEmails, forget } from '../../domain/personal-data/forget.js';
import { Problem } from '../../http/problem.js';
import { auditedByHand } from '../audit/audited.js';
import { address } from '../fields.js';
import { countOf } from '../routing/answers.js';
import { jsonBody, route } from '../routing/route.js';
import { isOneLine } from '../send/faults.js';

/** In bodies, never in addresses of requests: those get into logs. */

/** A request ends after so long; who asks again goes on. */
const FORGET_MS = 5_000;
/** A dry run counts no further. */
const MOST_COUNTED = 100_000;
/** What is not read by then is broken off: its place is another's. */
const EXPORT_MS = 30 * 60_000;

const why = z.string().trim().min(1, 'must say why').max(200).refine(isOneLine, 'must be one line');

const person = (bare: string): readonly Target[] => [{ kind: 'person', address: bare }];

const forgetPerson = route({
  method: 'post',
  path: '/api/admin/personal-data/forget',
  operationId: 'forgetPerson',
  summary: 'Forget whoever has an address',
  description: [
    'Removes the e-mails to it with all that belongs to them, whatever their state: one that waits is not sent. A',
    'suppression stays under a pseudonym, so that it is still not written to. What cannot be done in five seconds is left:',
    'ask again until `complete` is true. Attachments leave the object store within a minute.',
  ].join(' '),
  tag: 'Administration',
  access: { scope: null, role: 'admin' },
  body: jsonBody(
    z.strictObject({
      address,
      reason: why.describe('Why, in one line; for the audit, so without the address.'),
      dry_run: z.boolean().default(false).describe('Only count the e-mails.'),
    }),
    { 'How many are there': { address: 'ada@example.org', reason: 'she asked for it', dry_run: true } },
  ),
  answer: {
    status: 200,
    description: 'What was forgotten.',
    schema: z.object({
      dry_run: z.boolean(),
      emails: countOf('How many e-mails this request has removed; in a dry run, how many there are, up to 100,000.'),
      complete: z.boolean().describe('Nothing is left. False in a dry run.'),
    }),
  },
  audit: { byHand: 'person.forget' },
  handle: async ({ body }, ctx, api) => {
    const { address: bare } = body.address;
    if (body.dry_run) return { dry_run: true, emails: await countEmails(api.db, bare, MOST_COUNTED), complete: false };
    const reason = body.reason.toLowerCase().includes(bare) ? null : body.reason;
    await auditedByHand(ctx, api, { action: 'person.forget', reason, targets: () => person(bare) }, async () => {});
    return { dry_run: false, ...(await forget(api.db, bare, { endsAtMs: Date.now() + FORGET_MS })) };
  },
});

/** The stream is the handler's own to send: it may break off. */
const archive = z.custom<void>().meta({ override: { type: 'string', format: 'binary' } });

const exportPerson = route({
  method: 'post',
  path: '/api/admin/personal-data/export',
  operationId: 'exportPerson',
  summary: 'Hand out what is kept of whoever has an address',
  description: [
    'A tar archive: each e-mail to it as JSON, with its events and attempts; attachments as files; suppressions, and webhooks',
    'that match no e-mail. It is made while it is read and kept nowhere, so nothing of it has to expire. One that breaks off',
    'has no end, and unpackers say so.',
  ].join(' '),
  tag: 'Administration',
  access: { scope: null, role: 'admin' },
  body: jsonBody(z.strictObject({ address }), { 'A person': { address: 'ada@example.org' } }),
  answer: { status: 200, description: 'The archive.', schema: archive, mediaType: 'application/x-tar' },
  problems: ['too_many_downloads'],
  audit: { look: 'person.export', targets: ({ body }) => person(body.address.address) },
  handle: async ({ body }, ctx, { db, attachments, downloads }) => {
    const source = exportArchive({ db, store: attachments }, body.address.address);
    const stream = addAbortSignal(AbortSignal.timeout(EXPORT_MS), Readable.from(source, { objectMode: false }));
    // It keeps its place until it is read, or nobody reads it any more.
    const running = downloads.run(ctx.state.client.id, () => finished(stream).catch(() => {}));
    if (!running) {
      stream.destroy();
      throw new Problem(503, 'too_many_downloads', 'Too many downloads are being read at this moment.', {
        headers: { 'Retry-After': '5' },
      });
    }
    ctx.set('Cache-Control', 'no-store');
    ctx.attachment('personal-data.tar');
    ctx.body = stream;
    ctx.type = 'application/x-tar';
    // Koa would leave the connection open when the stream breaks off: nobody must take half of it for the whole.
    stream.on('error', () => ctx.res.destroy());
  },
});

export const personalDataRoutes = [forgetPerson, exportPerson];
