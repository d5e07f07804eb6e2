import { z } from 'zod';
import { ROLES, SCOPES } from '../../domain/clients/access.js';
import { readClientSettings } from '../../domain/clients/clients.js';
import { createKey, listKeys, type RotateResult, revokeKey, rotateKey } from '../../domain/clients/key-management.js';
import type { Client } from '../../domain/clients/keys.js';
import { Problem } from '../../http/problem.js';
import { uuid } from '../fields.js';
import { listOf, moment } from '../routing/answers.js';
import { jsonBody, route } from '../routing/route.js';
import { mustBeOperator } from '../scope.js';
import { clientId, clientNotFound, mustBeOwn } from './client-id.js';
import { givenTerms, termsOf } from './key-terms.js';
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
    person: z
      .object({ issuer: z.string(), subject: z.string() })
      .nullable()
      .describe(
        'It is no key, but somebody who signs in to the console by OpenID Connect; `expires_at` is renewed then.',
      ),
  })
  .meta({ id: 'ApiKey' });

const created = key.extend({ key: z.string().describe('The key itself.') }).meta({ id: 'CreatedApiKey' });

/** A client may change its own keys, never an operator's among them: that would make it an operator. */
const reachOf = ({ operator }: Client) => ({ operatorsKeys: operator });

const listOfClient = route({
  method: 'get',
  path: '/api/clients/{id}/keys',
  operationId: 'listKeys',
  summary: 'A client’s API keys',
  description:
    'The newest first, revoked ones among them. Never the keys themselves, which nobody knows but their owner.',
  tag: 'Clients and keys',
  access: { scope: 'admin', role: 'viewer' },
  params: { id: clientId },
  answer: { status: 200, description: 'All of them.', schema: z.object({ keys: listOf(key) }) },
  problems: ['client_not_found'],
  handle: async ({ params }, ctx, { db }) => {
    mustBeOwn(ctx.state.client, params.id);
    if (!(await readClientSettings(db, params.id))) throw clientNotFound();
    return { keys: await listKeys(db, params.id) };
  },
});

const create = route({
  method: 'post',
  path: '/api/clients/{id}/keys',
  operationId: 'createKey',
  summary: 'Make a new API key',
  description: 'A client’s key with `scopes`, or an operator’s with a `role`, which only an operator can make.',
  tag: 'Clients and keys',
  access: { scope: 'admin', role: 'admin' },
  params: { id: clientId },
  body: jsonBody(givenTerms, {
    'For sending': {},
    'For a dashboard, for a while': { name: 'dashboard', scopes: ['read'], expires_at: '2030-01-01T00:00:00Z' },
  }),
  answer: { status: 201, description: 'The key, which is shown only now and kept as a hash.', schema: created },
  problems: ['client_not_found', 'operator_only', 'too_many_keys'],
  audit: { action: 'key.create', targets: (_input, _ctx, made) => (made ? [{ kind: 'key', id: made.id }] : []) },
  handle: async ({ params, body }, ctx, { db }) => {
    const terms = termsOf(body);
    if (terms.role) mustBeOperator(ctx.state.client, 'make an operator’s key');
    mustBeOwn(ctx.state.client, params.id);
    const made = await createKey(db, params.id, terms);
    if (made.kind !== 'created') throw made.kind === 'too_many' ? tooManyKeys() : clientNotFound();
    // The one time that it is shown.
    ctx.set('Cache-Control', 'no-store');
    return made.key;
  },
});

const tooManyKeys = () =>
  new Problem(409, 'too_many_keys', 'This client has as many keys as it may. Those that ended count for a month.');
const keyNotFound = () => new Problem(404, 'key_not_found', 'This client has no key of this id.');
const keyId = { schema: uuid, refuse: keyNotFound };

const NOT_ROTATED: Record<Exclude<RotateResult['kind'], 'rotated'>, () => Problem> = {
  not_found: keyNotFound,
  ended: () => new Problem(409, 'key_ended', 'This key has expired or was revoked; make a new one.'),
  already_rotated: () =>
    new Problem(409, 'already_rotated', 'This key has been rotated; `replaced_by` names its next.'),
  configured: () => new Problem(409, 'configured_key', 'This key is BOOTSTRAP_API_KEY; change it there.'),
  person: () => new Problem(409, 'not_a_key', 'This is a person who signs in, and no key; make one.'),
  too_many: tooManyKeys,
};

const rotate = route({
  method: 'post',
  path: '/api/clients/{id}/keys/{key}/rotate',
  operationId: 'rotateKey',
  summary: 'Replace an API key by a new one',
  description: [
    'The new key may what the old one may. Both are taken for `overlap_hours`, then the old one ends. A key that expires',
    'is followed by one that lives as long. A key may rotate itself.',
  ].join(' '),
  tag: 'Clients and keys',
  access: { scope: 'admin', role: 'admin' },
  params: { id: clientId, key: keyId },
  body: jsonBody(
    z.strictObject({
      overlap_hours: z.number().min(0).max(720).default(24).describe('How long the old one is taken still.'),
    }),
    { 'Within a week': { overlap_hours: 168 } },
  ),
  answer: {
    status: 201,
    description: 'The new key, which is shown only now and kept as a hash.',
    schema: created.extend({ replaces: key.describe('The old one, with its end.') }).meta({ id: 'RotatedApiKey' }),
  },
  problems: [
    ...(['client_not_found', 'key_not_found', 'key_ended', 'already_rotated', 'configured_key', 'not_a_key'] as const),
    'too_many_keys',
  ],
  audit: {
    action: 'key.rotate',
    targets: ({ params }, _ctx, made) => [
      { kind: 'key', id: params.key },
      ...(made ? [{ kind: 'key', id: made.id } as const] : []),
    ],
  },
  handle: async ({ params, body }, ctx, { db }) => {
    mustBeOwn(ctx.state.client, params.id);
    const how = { overlapMs: body.overlap_hours * 3_600_000, ...reachOf(ctx.state.client) };
    const result = await rotateKey(db, params.id, params.key, how);
    if (result.kind !== 'rotated') throw NOT_ROTATED[result.kind]();
    ctx.set('Cache-Control', 'no-store');
    return { ...result.key, replaces: result.old };
  },
});

const revoke = route({
  method: 'delete',
  path: '/api/clients/{id}/keys/{key}',
  operationId: 'revokeKey',
  summary: 'Revoke an API key',
  description: [
    'From now on and for good. A key cannot revoke itself. A person who signs in by OpenID Connect is signed out, and can',
    'sign in again as long as the identity provider gives them a role.',
  ].join(' '),
  tag: 'Clients and keys',
  access: { scope: 'admin', role: 'admin' },
  params: { id: clientId, key: keyId },
  answer: { status: 204, description: 'It is revoked.' },
  problems: ['client_not_found', 'key_not_found', 'own_key'],
  audit: { action: 'key.revoke', targets: ({ params }) => [{ kind: 'key', id: params.key }] },
  handle: async ({ params }, ctx, { db }) => {
    if (params.key === ctx.state.client.keyId) {
      throw new Problem(409, 'own_key', 'This is the key of this very request; revoke it with another one.');
    }
    mustBeOwn(ctx.state.client, params.id);
    if (!(await revokeKey(db, params.id, params.key, reachOf(ctx.state.client)))) throw keyNotFound();
  },
});

export const keyRoutes = [listOfClient, create, rotate, revoke];
