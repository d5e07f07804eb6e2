import { Problem } from '../../http/problem.js';
import { uuid } from '../fields.js';

export const clientNotFound = () => new Problem(404, 'client_not_found', 'There is no client of this id.');

/** The client's id in a path; what cannot be one is nobody's. */
export const clientId = { schema: uuid, refuse: clientNotFound };
