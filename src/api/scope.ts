import type { Client } from '../domain/clients/keys.js';
import { Problem } from '../http/problem.js';
import { isUuid } from '../uuid.js';

/** Whose e-mails a key may see and act on: its client's own; null, an operator's, for everyone's. */
export const scopeOf = (client: Client): string | null => (client.operator ? null : client.id);

/** The id in a request's path. @throws Problem 404 for what cannot be one. */
export function emailIdIn(ctx: { readonly params: Readonly<Record<string, string | undefined>> }): string {
  const { id = '' } = ctx.params;
  if (!isUuid(id)) throw emailNotFound();
  return id.toLowerCase();
}

/** One answer for "no such e-mail" and "not yours": ids of others cannot be probed. */
export const emailNotFound = () => new Problem(404, 'email_not_found', 'There is no e-mail of this id.');

/** @throws Problem 403 unless it is an operator's key. */
export function mustBeOperator(client: Client, what: string): void {
  if (!client.operator) throw new Problem(403, 'operator_only', `Only an operator’s API key may ${what}.`);
}
