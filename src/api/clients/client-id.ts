import type { Client } from '../../domain/clients/keys.js';
import { Problem } from '../../http/problem.js';
import { uuid } from '../fields.js';

export const clientNotFound = () => new Problem(404, 'client_not_found', 'There is no client of this id.');

/** The client's id in a path; what cannot be one is nobody's. */
export const clientId = { schema: uuid, refuse: clientNotFound };

/** A client sees and changes itself and no other. @throws Problem 404 for another one: ids cannot be probed. */
export function mustBeOwn(client: Client, id: string): void {
  if (!client.operator && client.id !== id) throw clientNotFound();
}
