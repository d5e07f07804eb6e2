import { Problem } from '../../http/problem.js';
import { isUuid } from '../../uuid.js';

/** The client's id in a request's path. @throws Problem 404 for what cannot be one. */
export function clientIdIn(ctx: { readonly params: Readonly<Record<string, string | undefined>> }): string {
  const { id = '' } = ctx.params;
  if (!isUuid(id)) throw clientNotFound();
  return id.toLowerCase();
}

export const clientNotFound = () => new Problem(404, 'client_not_found', 'There is no client of this id.');
