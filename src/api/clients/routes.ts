import { z } from 'zod';
import { changeClientSettings, createClient, listClients, readClientSettings } from '../../domain/clients/clients.js';
import { Problem } from '../../http/problem.js';
import type { ApiDependencies } from '../dependencies.js';
import { cursor, cursorOf, pageLimit } from '../fields.js';
import { listOf, moment, nextCursor } from '../routing/answers.js';
import { jsonBody, route } from '../routing/route.js';
import { clientId, clientNotFound } from './client-id.js';
import { givenRates, rates } from './rates.js';
import { givenRetention, retention, retentionOf } from './retention.js';

const name = z
  .string()
  .min(1)
  .max(100)
  .regex(/^[^\u0000-\u001f\u007f]*$/, 'must be one line')
  .refine((text) => text.trim() === text, 'must not begin or end with a space')
  .describe('One line that does not begin or end with a space; no two clients have the same.');

const limit = z.number().int().min(0).max(2_000_000_000).optional();

const listed = z
  .object({
    id: z.uuid(),
    name: z.string(),
    disabled: z.boolean().describe('None of its keys is taken; what was accepted of it is sent all the same.'),
    created_at: moment,
  })
  .meta({ id: 'ListedClient' });

const perPriority = z.object({ critical: z.int(), medium: z.int(), low: z.int() });

const settings = listed
  .extend({
    failure_notices: z.boolean().describe('Whether its senders are told of failures by e-mail.'),
    track_opens: z.boolean().describe('Whether opens are tracked, where an e-mail does not say.'),
    daily_limits: perPriority.describe('How many e-mails of each priority it may submit a day (UTC).'),
    submitted_today: perPriority.describe('How many it has submitted today (UTC).'),
    rate_limits: rates,
    retention,
  })
  .meta({ id: 'Client' });

const list = route({
  method: 'get',
  path: '/api/clients',
  operationId: 'listClients',
  summary: 'All clients, by name',
  tag: 'Clients and keys',
  access: { scope: null, role: 'viewer' },
  query: z.strictObject({
    limit: pageLimit(100, 1_000),
    cursor: cursor(z.object({ name: z.string().max(512) })).optional(),
  }),
  answer: {
    status: 200,
    description: 'A page of them.',
    schema: z.object({ clients: listOf(listed), next_cursor: nextCursor }),
  },
  handle: async ({ query }, _ctx, { db }) => {
    const clients = await listClients(db, { after: query.cursor?.name, limit: query.limit });
    const last = clients.length === query.limit ? clients.at(-1) : undefined;
    return { clients, next_cursor: last ? cursorOf({ name: last.name }) : null };
  },
});

const create = route({
  method: 'post',
  path: '/api/clients',
  operationId: 'createClient',
  summary: 'Make a client',
  description: 'With the default limits, no key, and nobody to send as: give it a sender and a key.',
  tag: 'Clients and keys',
  access: { scope: null, role: 'admin' },
  body: jsonBody(z.strictObject({ name }), { 'A shop': { name: 'shop' } }),
  answer: { status: 201, description: 'The client.', schema: settings },
  problems: ['client_exists'],
  audit: { action: 'client.create', targets: (_input, _ctx, made) => (made ? [{ kind: 'client', id: made.id }] : []) },
  handle: async ({ body }, _ctx, api) => {
    const id = await createClient(api.db, body.name);
    if (!id) throw new Problem(409, 'client_exists', 'There is a client of this name.');
    return settingsOf(api, id);
  },
});

const read = route({
  method: 'get',
  path: '/api/clients/{id}',
  operationId: 'getClient',
  summary: 'A client, its limits, and what it has submitted today',
  description: 'A client’s own key may look at the client itself, an operator’s key at every one.',
  tag: 'Clients and keys',
  access: { scope: 'read', role: 'viewer' },
  params: { id: clientId },
  answer: { status: 200, description: 'The client.', schema: settings },
  problems: ['client_not_found'],
  handle: ({ params }, ctx, api) => {
    const { client } = ctx.state;
    if (!client.operator && client.id !== params.id) throw clientNotFound();
    return settingsOf(api, params.id);
  },
});

const change = route({
  method: 'patch',
  path: '/api/clients/{id}',
  operationId: 'changeClient',
  summary: 'Change a client',
  description: 'What is left out stays. A key cannot disable its own client.',
  tag: 'Clients and keys',
  access: { scope: null, role: 'admin' },
  params: { id: clientId },
  body: jsonBody(
    z.strictObject({
      disabled: z.boolean().optional(),
      failure_notices: z.boolean().optional(),
      track_opens: z.boolean().optional(),
      daily_limits: z.strictObject({ critical: limit, medium: limit, low: limit }).optional(),
      rate_limits: givenRates.optional(),
      retention: givenRetention.optional(),
    }),
    {
      'More bulk mail': { daily_limits: { low: 1_000_000 } },
      'Contents for a month': { retention: { content_days: 30 } },
    },
  ),
  answer: { status: 200, description: 'The client as it is now.', schema: settings },
  problems: ['client_not_found', 'own_client'],
  audit: { action: 'client.change', targets: ({ params }) => [{ kind: 'client', id: params.id }] },
  handle: async ({ params, body }, ctx, api) => {
    if (body.disabled && params.id === ctx.state.client.id) {
      throw new Problem(409, 'own_client', 'This is the client that the key belongs to; use another one’s key.');
    }
    await changeClientSettings(api.db, params.id, body);
    return settingsOf(api, params.id);
  },
});

export const clientRoutes = [list, create, read, change];

async function settingsOf({ db, retention: configured }: Pick<ApiDependencies, 'db' | 'retention'>, id: string) {
  const found = await readClientSettings(db, id);
  if (!found) throw clientNotFound();
  return { ...found, retention: retentionOf(found.retention, configured) };
}
