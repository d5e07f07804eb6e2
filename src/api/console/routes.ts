import { z } from 'zod';
import { Problem } from '../../http/problem.js';
import { bytes } from '../routing/answers.js';
import { type ApiContext, route } from '../routing/route.js';
import type { ConsoleFiles } from './files.js';

/** The console: static files, the same for everybody. It speaks to the API as whoever is signed in. */

/** Nothing that is not a file of ours runs, or is loaded; contents of e-mails are frames with a policy of their own. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "font-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "frame-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

const NOT_BUILT = `<!doctype html><html lang="en"><meta charset="utf-8"><title>Tempost</title>
<h1>The console has not been built</h1><p>Run <code>npm run build</code>, and start the api again.</p></html>`;

type Served = NonNullable<ConsoleFiles['page']>;

/** Answers a file, compressed as the browser likes it. */
function serve(ctx: ApiContext, { plain, br, gzip }: Served): Buffer {
  ctx.vary('Accept-Encoding');
  const encoding = ctx.acceptsEncodings(br ? 'br' : 'identity', gzip ? 'gzip' : 'identity', 'identity');
  if (encoding === 'br' || encoding === 'gzip') ctx.set('Content-Encoding', encoding);
  return encoding === 'br' ? br! : encoding === 'gzip' ? gzip! : plain;
}

const text = z.string();

/** Every screen has an address of its own, and all of them are one page. */
const page = (path: `/${string}`, operationId: string, params: Record<string, { schema: typeof text }>) =>
  route({
    method: 'get',
    path,
    operationId,
    summary: 'The operators’ console',
    description: 'A page for browsers. Whoever is to use it signs in there.',
    tag: 'Console',
    access: 'public',
    params,
    answer: { status: 200, description: 'The page.', schema: bytes, mediaType: 'text/html' },
    handle: (_input, ctx, { files }) => {
      ctx.set('Content-Security-Policy', POLICY);
      ctx.set('Cross-Origin-Opener-Policy', 'same-origin');
      // The page names its files by their content: it is asked for anew, they never.
      ctx.set('Cache-Control', 'no-cache');
      return files.page ? serve(ctx, files.page) : NOT_BUILT;
    },
  });

/** Files of one kind; each name holds a hash of the content, so that browsers keep them. */
const asset = (kind: 'scripts' | 'styles' | 'fonts', operationId: string, mediaType: string) =>
  route({
    method: 'get',
    path: `/console/${kind}/{file}`,
    operationId,
    summary: `The console’s ${kind}`,
    tag: 'Console',
    access: 'public',
    params: { file: { schema: text } },
    answer: { status: 200, description: 'The file.', schema: bytes, mediaType },
    problems: ['not_found'],
    handle: ({ params }, ctx, { files }) => {
      const found = files[kind].get(params.file);
      if (!found) throw new Problem(404, 'not_found', 'There is no such file.');
      ctx.set('Cache-Control', 'public, max-age=31536000, immutable');
      return serve(ctx, found);
    },
  });

export const consoleRoutes = [
  page('/console', 'getConsole', {}),
  asset('scripts', 'getConsoleScript', 'text/javascript'),
  asset('styles', 'getConsoleStyle', 'text/css'),
  asset('fonts', 'getConsoleFont', 'font/woff2'),
  page('/console/{screen}', 'getConsoleScreen', { screen: { schema: text } }),
  page('/console/{screen}/{id}', 'getConsoleItem', { screen: { schema: text }, id: { schema: text } }),
];
