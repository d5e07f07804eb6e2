import type Router from '@koa/router';
import { z } from 'zod';
import { DEFAULT_SCOPES } from '../../domain/clients/access.js';
import { readClientSettings } from '../../domain/clients/clients.js';
import { createKey, listKeys, revokeKey } from '../../domain/clients/key-management.js';
import { NO_RATES } from '../../domain/clients/rates.js';
import { Problem } from '../../http/problem.js';
import { isUuid } from '../../uuid.js';
import { type ApiState, requireOperator } from '../authenticate.js';
import { readJson } from '../json-body.js';
import { clientIdIn, clientNotFound } from './client-id.js';
import type { ClientRouteOptions } from './routes.js';

const creation = z.strictObject({ operator: z.boolean().default(false) });

/** The API keys of a client, for operators: `GET`, `POST`, `DELETE /api/clients/{id}/keys`. */
export function addKeyRoutes(router: Router<ApiState>, { db, authenticate }: ClientRouteOptions): void {
  router.get('/api/clients/:id/keys', authenticate, requireOperator, async (ctx) => {
    const id = clientIdIn(ctx);
    if (!(await readClientSettings(db, id))) throw clientNotFound();
    ctx.body = { keys: await listKeys(db, id) };
  });

  router.post('/api/clients/:id/keys', authenticate, requireOperator, async (ctx) => {
    const { operator } = await readJson(ctx, creation);
    const created = await createKey(db, clientIdIn(ctx), {
      name: null,
      role: operator ? 'admin' : null,
      scopes: operator ? [] : DEFAULT_SCOPES,
      allowedAddresses: [],
      rates: NO_RATES,
      expiresAt: null,
    });
    if (!created) throw clientNotFound();
    // The one time that it is shown.
    ctx.set('Cache-Control', 'no-store');
    ctx.status = 201;
    ctx.body = created;
  });

  router.delete('/api/clients/:id/keys/:key', authenticate, requireOperator, async (ctx) => {
    const id = clientIdIn(ctx);
    const { key = '' } = ctx.params;
    if (key.toLowerCase() === ctx.state.client.keyId) {
      throw new Problem(409, 'own_key', 'This is the key of this very request; revoke it with another one.');
    }
    if (!isUuid(key) || !(await revokeKey(db, id, key, { operatorsKeys: true }))) {
      throw new Problem(404, 'key_not_found', 'This client has no key of this id.');
    }
    ctx.status = 204;
  });
}
