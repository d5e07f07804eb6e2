import { once } from 'node:events';
import { addAbortSignal, type Readable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { z } from 'zod';
import type { AttachmentRow } from '../../domain/emails/attachments.js';
import { generatedText } from '../../domain/emails/bodies.js';
import { findContent, findOwnAttachment, openAttachment } from '../../domain/emails/content.js';
import { isDatabaseTrouble } from '../../http/database-trouble.js';
import { Problem } from '../../http/problem.js';
import type { FairLane } from '../../process/fair-lane.js';
import { verified } from '../../storage/reader.js';
import { contentRemoved } from '../acceptance.js';
import type { ApiDependencies } from '../dependencies.js';
import { moment } from '../routing/answers.js';
import { type ApiContext, route } from '../routing/route.js';
import { emailId, emailNotFound, scopeOf } from '../scope.js';

/** What people wrote: routes of their own, so that who may see what became of an e-mail need not see what it says. */

/** The largest attachment at 60 KB a second. */
const DOWNLOAD_MS = 5 * 60_000;

const emailContent = z
  .object({
    id: z.uuid(),
    sender: z.string(),
    receiver: z.string(),
    reply_to: z.string().nullable(),
    subject: z.string(),
    text: z.string().nullable().describe('As it was submitted; null when it was HTML alone.'),
    html: z
      .string()
      .nullable()
      .describe('As it was submitted, without what is added to it when it is sent; null when there was none.'),
    headers: z.record(z.string(), z.string()).describe('More headers, as they were submitted.'),
    generated_text: z.string().nullable().describe('The text that is made of HTML alone, and sent with it.'),
    content_removed_at: moment
      .nullable()
      .describe('Since when the bodies are gone by retention; they are null then. Null: they are kept.'),
  })
  .meta({ id: 'EmailContent' });

const readContent = route({
  method: 'get',
  path: '/api/email/{id}/content',
  operationId: 'getEmailContent',
  summary: 'What an e-mail says',
  tag: 'E-mails',
  access: { scope: 'content', role: 'operator' },
  params: { id: emailId },
  answer: {
    status: 200,
    description: 'Its headers and its bodies, those submitted and the one that is made.',
    schema: emailContent,
  },
  problems: ['email_not_found', 'too_many_downloads'],
  audit: { look: 'email.read_content', targets: ({ params }) => [{ kind: 'email', id: params.id }] },
  handle: async ({ params: { id } }, ctx, { db, downloads }) => {
    await placeUntilAnswered(downloads, ctx);
    const found = await findContent(db, scopeOf(ctx.state.client), id);
    if (!found) throw emailNotFound();
    ctx.state.emailId = id;
    ctx.set('Cache-Control', 'no-store');
    const { content, content_type, alternative, headers, ...head } = found;
    if (head.content_removed_at)
      return { ...head, text: null, html: null, headers: headers ?? {}, generated_text: null };
    const isText = content_type === 'text/plain';
    return {
      ...head,
      text: isText ? content : alternative,
      html: isText ? alternative : content,
      headers: headers ?? {},
      generated_text: await generatedText(found),
    };
  },
});

/**
 * Waits for a place among those who read. It is given back when the answer has left, or its connection is gone: whoever
 * does not read what was asked for has megabytes of it stand in memory.
 *
 * @throws Problem 503.
 */
function placeUntilAnswered(downloads: FairLane, { res, state }: ApiContext): Promise<void> {
  return new Promise((resolve, reject) => {
    const running = downloads.run(state.client.id, async () => {
      resolve();
      await finished(res, { signal: AbortSignal.timeout(DOWNLOAD_MS) }).catch(() => res.destroy());
    });
    if (!running) reject(tooManyDownloads());
  });
}

/** Styles and pictures of its own, and nothing else: no script, no request to anybody, no form, no way out of its frame. */
const PAGE_POLICY =
  "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; " +
  "frame-ancestors 'self'";

const readContentPage = route({
  method: 'get',
  path: '/api/email/{id}/content/page',
  operationId: 'getEmailContentPage',
  summary: 'What an e-mail says, as a page for a frame',
  description: [
    'Its HTML as it was submitted, under a policy that runs nothing and loads nothing: pictures from elsewhere, which tell',
    'their owner who looks, stay empty. An e-mail of text alone is shown as that.',
  ].join(' '),
  tag: 'E-mails',
  access: { scope: 'content', role: 'operator' },
  params: { id: emailId },
  answer: { status: 200, description: 'The page.', schema: z.string(), mediaType: 'text/html' },
  problems: ['email_not_found', 'too_many_downloads'],
  audit: { look: 'email.read_content', targets: ({ params }) => [{ kind: 'email', id: params.id }] },
  handle: async ({ params: { id } }, ctx, { db, downloads }) => {
    await placeUntilAnswered(downloads, ctx);
    const found = await findContent(db, scopeOf(ctx.state.client), id);
    if (!found) throw emailNotFound();
    ctx.state.emailId = id;
    ctx.set('Cache-Control', 'no-store');
    ctx.set('Content-Security-Policy', PAGE_POLICY);
    const { content, content_type, alternative, content_removed_at: removedAt } = found;
    if (removedAt) return textPage(`Content removed on ${removedAt.toISOString().slice(0, 10)} by retention.`);
    const html = content_type === 'text/plain' ? alternative : content;
    return html ?? textPage(content);
  },
});

const textPage = (text: string) => `<!doctype html><meta charset="utf-8"><pre>${escaped(text)}</pre>`;

const escaped = (text: string) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');

/** The stream is the handler's own to send: its length is known, and it may break off. */
const file = z.custom<void>().meta({ override: { type: 'string', format: 'binary' } });

const readAttachment = route({
  method: 'get',
  path: '/api/email/{id}/attachment',
  operationId: 'getEmailAttachment',
  summary: 'An e-mail’s attachment',
  description: [
    'Its bytes, checked on the way: one that differs from what was accepted breaks off before its end. Always as a',
    'download of type `application/octet-stream`; its own type is in the e-mail.',
  ].join(' '),
  tag: 'E-mails',
  access: { scope: 'content', role: 'operator' },
  params: { id: emailId },
  answer: { status: 200, description: 'The file.', schema: file, mediaType: 'application/octet-stream' },
  problems: [
    'email_not_found',
    'attachment_not_found',
    'content_removed',
    'attachment_unavailable',
    'too_many_downloads',
  ],
  audit: { look: 'email.read_attachment', targets: ({ params }) => [{ kind: 'email', id: params.id }] },
  handle: async ({ params: { id } }, ctx, api) => {
    const found = await findOwnAttachment(api.db, scopeOf(ctx.state.client), id);
    if (!found) throw emailNotFound();
    ctx.state.emailId = id;
    const { attachment } = found;
    if (!attachment) throw new Problem(404, 'attachment_not_found', 'This e-mail has no attachment.');
    if (attachment.removedAt) throw contentRemoved(attachment.removedAt);
    ctx.set('Cache-Control', 'no-store');
    ctx.set('Content-Security-Policy', "sandbox; default-src 'none'; frame-ancestors 'none'");
    const stream = ctx.method === 'HEAD' ? undefined : await startDownload(api, ctx.state.client.id, id, attachment);
    ctx.attachment(attachment.filename);
    if (stream) ctx.body = stream;
    ctx.length = attachment.sizeBytes;
    // Koa would leave the connection open when the stream breaks off: nobody must take half a file for a whole one.
    stream?.on('error', () => ctx.res.destroy());
  },
});

/** Waits for its place, and for the first bytes. @throws Problem 503. */
async function startDownload(
  api: ApiDependencies,
  reader: string,
  id: string,
  attachment: AttachmentRow,
): Promise<Readable> {
  return new Promise((resolve, reject) => {
    const running = api.downloads.run(reader, async () => {
      const stream = await open(api, id, attachment);
      resolve(stream);
      // It keeps its place until it is read, or nobody reads it any more.
      await finished(stream).catch(() => {});
    });
    if (running) running.catch(reject);
    else reject(tooManyDownloads());
  });
}

async function open({ db, attachments, logger }: ApiDependencies, id: string, attachment: AttachmentRow) {
  try {
    const source = await openAttachment(db, attachments, id, attachment);
    const stream = addAbortSignal(AbortSignal.timeout(DOWNLOAD_MS), verified(source, attachment));
    await once(stream, 'readable');
    return stream;
  } catch (error) {
    if (isDatabaseTrouble(error)) throw error;
    const { name } = error as Error;
    logger.error({ emailId: id, code: name }, 'attachment could not be read');
    throw unavailable('attachment_unavailable', 'The attachment cannot be read now.');
  }
}

const unavailable = (code: 'attachment_unavailable' | 'too_many_downloads', detail: string) =>
  new Problem(503, code, detail, { headers: { 'Retry-After': '5' } });

const tooManyDownloads = () =>
  unavailable('too_many_downloads', 'Too many contents and attachments are being read at this moment.');

export const contentRoutes = [readContent, readContentPage, readAttachment];
