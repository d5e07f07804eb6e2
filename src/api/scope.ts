import type { Client } from '../domain/clients/keys.js';
import { Problem } from '../http/problem.js';
import { uuid } from './fields.js';

/** Whose e-mails a key may see and act on: its client's own; null, an operator's, for everyone's. */
export const scopeOf = (client: Client): string | null => (client.operator ? null : client.id);

/** One answer for "no such e-mail" and "not yours": ids of others cannot be probed. */
export const emailNotFound = () => new Problem(404, 'email_not_found', 'There is no e-mail of this id.');

/** The e-mail's id in a path; what cannot be one is nobody's. */
export const emailId = { schema: uuid, refuse: emailNotFound };

/** @throws Problem 403 unless it is an operator's key. */
export function mustBeOperator(client: Client, what: string): void {
  if (!client.operator) throw new Problem(403, 'operator_only', `Only an operator’s API key may ${what}.`);
}
