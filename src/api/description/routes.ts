import { z } from 'zod';
import { releaseVersion } from '../../process/version.js';
import { type Route, route } from '../routing/route.js';

/**
 * The routes' description. Its library is loaded, and the description made, when somebody asks for it first.
 *
 * @param routes all that the api serves, these among them.
 */
export function descriptionRoutes(routes: () => readonly Route[]): readonly Route[] {
  let made: Promise<Record<string, unknown>> | undefined;
  const describe = async () => {
    const { describeRoutes } = await import('./openapi.js');
    return describeRoutes(routes(), releaseVersion()) as unknown as Record<string, unknown>;
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
    handle: () => {
      made ??= describe();
      return made;
    },
  });
  return [readDescription];
}
