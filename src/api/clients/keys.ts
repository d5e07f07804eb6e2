import { z } from 'zod';
import { DEFAULT_SCOPES, ROLES, SCOPES } from '../../domain/clients/access.js';
import { readClientSettings } from '../../domain/clients/clients.js';
import { createKey, listKeys, revokeKey } from '../../domain/clients/key-management.js';
import { NO_RATES } from '../../domain/clients/rates.js';
import { Problem } from '../../http/problem.js';
import { uuid } from '../fields.js';
import { listOf, moment } from '../routing/answers.js';
import { jsonBody, route } from '../routing/route.js';
import { clientId, clientNotFound } from './client-id.js';
import { rates } from './rates.js';

const key = z
  .object({
    id: z.uuid(),
    name: z.string().nullable(),
    prefix: z.string().describe('Its first characters.'),
    operator: z.boolean().describe('Whether it is an operator’s; `role` says which.'),
    role: z.enum(ROLES).nullable(),
    scopes: listOf(z.enum(SCOPES)).describe('What a client’s key may.'),
    allowed_addresses: listOf(z.string()).describe(
      'Addresses and CIDR blocks it is taken from; none: from everywhere.',
    ),
    rate_limits: rates,
    created_at: moment,
    expires_at: moment.nullable(),
    revoked_at: moment.nullable(),
    last_used_at: moment.nullable().describe('To the minute.'),
    replaced_by: z.uuid().nullable().describe('The key that it was rotated to.'),
  })
  .meta({ id: 'ApiKey' });

const listOfClient = route({
  method: 'get',
  path: '/api/clients/{id}/keys',
  operationId: 'listKeys',
  summary: 'A client’s API keys',
  description:
    'The newest first, revoked ones among them. Never the keys themselves, which nobody knows but their owner.',
  tag: 'Clients and keys',
  access: 'operator',
  params: { id: clientId },
  answer: { status: 200, description: 'All of them.', schema: z.object({ keys: listOf(key) }) },
  problems: ['client_not_found'],
  handle: async ({ params }, _ctx, { db }) => {
    if (!(await readClientSettings(db, params.id))) throw clientNotFound();
    return { keys: await listKeys(db, params.id) };
  },
});

const create = route({
  method: 'post',
  path: '/api/clients/{id}/keys',
  operationId: 'createKey',
  summary: 'Make a new API key',
  description: 'With `operator: true` it may administer the whole system.',
  tag: 'Clients and keys',
  access: 'operator',
  params: { id: clientId },
  body: jsonBody(z.strictObject({ operator: z.boolean().default(false) }), { 'For sending': {} }),
  answer: {
    status: 201,
    description: 'The key, which is shown only now and kept as a hash.',
    schema: key.extend({ key: z.string().describe('The key itself.') }).meta({ id: 'CreatedApiKey' }),
  },
  problems: ['client_not_found'],
  handle: async ({ params, body }, ctx, { db }) => {
    const created = await createKey(db, params.id, {
      name: null,
      role: body.operator ? 'admin' : null,
      scopes: body.operator ? [] : DEFAULT_SCOPES,
      allowedAddresses: [],
      rates: NO_RATES,
      expiresAt: null,
    });
    if (!created) throw clientNotFound();
    // The one time that it is shown.
    ctx.set('Cache-Control', 'no-store');
    return created;
  },
});

const keyNotFound = () => new Problem(404, 'key_not_found', 'This client has no key of this id.');

const revoke = route({
  method: 'delete',
  path: '/api/clients/{id}/keys/{key}',
  operationId: 'revokeKey',
  summary: 'Revoke an API key',
  description: 'From now on and for good. To rotate, make the new one first. A key cannot revoke itself.',
  tag: 'Clients and keys',
  access: 'operator',
  params: { id: clientId, key: { schema: uuid, refuse: keyNotFound } },
  answer: { status: 204, description: 'It is revoked.' },
  problems: ['client_not_found', 'key_not_found', 'own_key'],
  handle: async ({ params }, ctx, { db }) => {
    if (params.key === ctx.state.client.keyId) {
      throw new Problem(409, 'own_key', 'This is the key of this very request; revoke it with another one.');
    }
    if (!(await revokeKey(db, params.id, params.key, { operatorsKeys: true }))) throw keyNotFound();
  },
});

export const keyRoutes = [listOfClient, create, revoke];
