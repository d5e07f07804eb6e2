import { z } from 'zod';
import { releaseVersion } from '../../process/version.js';
import { bytes } from '../routing/answers.js';
import { type Route, route } from '../routing/route.js';

/**
 * The routes' description. Its library is loaded, and the description made, when somebody asks for it first.
 *
 * @param routes all that the api serves, these among them.
 */
export function descriptionRoutes(routes: () => readonly Route[]): readonly Route[] {
  let made:
    | Promise<{ readonly description: Record<string, unknown>; readonly page: string; readonly policy: string }>
    | undefined;
  const make = async () => {
    const [{ describeRoutes }, { PAGE_POLICY, renderPage }] = await Promise.all([
      import('./openapi.js'),
      import('./page.js'),
    ]);
    const description = describeRoutes(routes(), releaseVersion()) as unknown as Record<string, unknown>;
    return { description, page: renderPage(description as never), policy: PAGE_POLICY };
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
    answer: { status: 200, description: 'The description.', schema: z.record(z.string(), z.unknown()) },
    handle: async () => (await once()).description,
  });

  const readPage = route({
    method: 'get',
    path: '/docs',
    operationId: 'getReference',
    summary: 'This description, as a page to read',
    description: 'One document that loads nothing from anywhere.',
    tag: 'Service',
    access: 'public',
    answer: { status: 200, description: 'The page.', schema: bytes, mediaType: 'text/html' },
    handle: async (_input, ctx) => {
      const { page, policy } = await once();
      ctx.set('Content-Security-Policy', policy);
      return page;
    },
  });
  return [readDescription, readPage];
}
