import { createHash } from 'node:crypto';
import { z } from 'zod';
import { releaseVersion } from '../../process/version.js';
import { bytes } from '../routing/answers.js';
import { type ApiContext, type Route, route } from '../routing/route.js';

/** A document that is made once, and asked for often. */
interface Document {
  readonly text: Buffer;
  readonly etag: string;
}

const documentOf = (text: string): Document => ({
  text: Buffer.from(text),
  etag: `"${createHash('sha256').update(text).digest('base64url')}"`,
});

/** JSON that is text already. */
const jsonText = z.custom<Buffer>().meta({ override: { type: 'object', additionalProperties: {} } });

/** @returns its text; whoever has it keeps it, and asks whether it is still the same. */
function show({ text, etag }: Document, ctx: ApiContext): Buffer {
  ctx.set('Cache-Control', 'no-cache');
  ctx.set('ETag', etag);
  return text;
}

/**
 * The routes' description. Its library is loaded, and the description made, when somebody asks for it first.
 *
 * @param routes all that the api serves, these among them.
 */
export function descriptionRoutes(routes: () => readonly Route[]): readonly Route[] {
  let made: Promise<{ readonly description: Document; readonly page: Document; readonly policy: string }> | undefined;
  const make = async () => {
    const [{ describeRoutes }, { PAGE_POLICY, renderPage }] = await Promise.all([
      import('./openapi.js'),
      import('./page.js'),
    ]);
    const description = describeRoutes(routes(), releaseVersion());
    return {
      description: documentOf(JSON.stringify(description)),
      page: documentOf(renderPage(description as never)),
      policy: PAGE_POLICY,
    };
  };
  const once = () => {
    made ??= make();
    return made;
  };

  const readDescription = route({
    method: 'get',
    path: '/openapi.json',
    operationId: 'getDescription',
    summary: 'This description, as OpenAPI 3.1',
    description: 'Made from the values by which requests are served and validated.',
    tag: 'Service',
    access: 'public',
    answer: {
      status: 200,
      description: 'The description.',
      schema: jsonText,
      mediaType: 'application/json',
      hasEtag: true,
    },
    handle: async (_input, ctx) => show((await once()).description, ctx),
  });

  const readPage = route({
    method: 'get',
    path: '/docs',
    operationId: 'getReference',
    summary: 'This description, as a page to read',
    description: 'One document that loads nothing from anywhere.',
    tag: 'Service',
    access: 'public',
    answer: { status: 200, description: 'The page.', schema: bytes, mediaType: 'text/html', hasEtag: true },
    handle: async (_input, ctx) => {
      const { page, policy } = await once();
      ctx.set('Content-Security-Policy', policy);
      return show(page, ctx);
    },
  });
  return [readDescription, readPage];
}
