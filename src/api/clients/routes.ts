import type Router from '@koa/router';
import { z } from 'zod';
import { changeClientSettings, createClient, listClients, readClientSettings } from '../../domain/clients/clients.js';
import { Problem } from '../../http/problem.js';
import type { Db } from '../../postgres/database.js';
import { type ApiState, type Authenticate, requireOperator } from '../authenticate.js';
import { cursor, cursorOf, pageLimit } from '../fields.js';
import { readJson, validate } from '../json-body.js';
import { clientIdIn, clientNotFound } from './client-id.js';

export interface ClientRouteOptions {
  readonly db: Db;
  readonly authenticate: Authenticate;
}

const name = z
  .string()
  .min(1)
  .max(100)
  .regex(/^[^\u0000-\u001f\u007f]*$/, 'must be one line')
  .refine((text) => text.trim() === text, 'must not begin or end with a space');
const limit = z.number().int().min(0).max(2_000_000_000).optional();
const creation = z.strictObject({ name });
const change = z.strictObject({
  disabled: z.boolean().optional(),
  failure_notices: z.boolean().optional(),
  daily_limits: z.strictObject({ critical: limit, medium: limit, low: limit }).optional(),
});
const listQuery = z.strictObject({
  limit: pageLimit(100, 1_000),
  cursor: cursor(z.object({ name: z.string().max(512) })).optional(),
});

/**
 * The programs that may submit: for operators `GET`, `POST /api/clients` and `PATCH /api/clients/{id}`; a client may look
 * at itself with `GET /api/clients/{id}`.
 */
export function addClientRoutes(router: Router<ApiState>, { db, authenticate }: ClientRouteOptions): void {
  router.get('/api/clients', authenticate, requireOperator, async (ctx) => {
    const query = validate(listQuery, { ...ctx.query });
    const clients = await listClients(db, { after: query.cursor?.name, limit: query.limit });
    const last = clients.length === query.limit ? clients.at(-1) : undefined;
    ctx.body = { clients, next_cursor: last ? cursorOf({ name: last.name }) : null };
  });

  router.post('/api/clients', authenticate, requireOperator, async (ctx) => {
    const body = await readJson(ctx, creation);
    const id = await createClient(db, body.name);
    if (!id) throw new Problem(409, 'client_exists', 'There is a client of this name.');
    ctx.status = 201;
    ctx.body = await settingsOf(db, id);
  });

  router.get('/api/clients/:id', authenticate, async (ctx) => {
    const id = clientIdIn(ctx);
    const { client } = ctx.state;
    if (!client.operator && client.id !== id) throw clientNotFound();
    ctx.body = await settingsOf(db, id);
  });

  router.patch('/api/clients/:id', authenticate, requireOperator, async (ctx) => {
    const id = clientIdIn(ctx);
    const body = await readJson(ctx, change);
    if (body.disabled && id === ctx.state.client.id) {
      throw new Problem(409, 'own_client', 'This is the client that the key belongs to; use another one’s key.');
    }
    await changeClientSettings(db, id, body);
    ctx.body = await settingsOf(db, id);
  });
}

async function settingsOf(db: Db, id: string) {
  const settings = await readClientSettings(db, id);
  if (!settings) throw clientNotFound();
  return settings;
}
