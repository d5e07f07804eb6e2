import type Router from '@koa/router';
import { z } from 'zod';
import type { Client } from '../../domain/clients/keys.js';
import { addSuppression, findSuppressions, removeSuppression } from '../../domain/suppressions/suppressions.js';
import { Problem } from '../../http/problem.js';
import type { Db } from '../../postgres/database.js';
import type { ApiState, Authenticate } from '../authenticate.js';
import { address, cursor, cursorOf, pageLimit } from '../fields.js';
import { readJson, validate } from '../json-body.js';
import { mustBeOperator } from '../scope.js';

export interface SuppressionRouteOptions {
  readonly db: Db;
  readonly authenticate: Authenticate;
}

/** Whose: an operator may name another client. */
const client = z.uuid().optional();

const listQuery = z.strictObject({
  client,
  address: address.optional(),
  reason: z.enum(['bounced', 'complained', 'unsubscribed', 'manual']).optional(),
  limit: pageLimit(100, 1_000),
  cursor: cursor(z.object({ address: z.string().max(512) })).optional(),
});
const addBody = z.strictObject({ client, address, reason: z.literal('manual').default('manual') });
const removeQuery = z.strictObject({ client });

/** The addresses that a client must not write to: `GET`, `POST`, `DELETE /api/suppressions`. */
export function addSuppressionRoutes(router: Router<ApiState>, { db, authenticate }: SuppressionRouteOptions): void {
  router.get('/api/suppressions', authenticate, async (ctx) => {
    const query = validate(listQuery, { ...ctx.query });
    const page = { after: query.cursor?.address, limit: query.limit };
    const filter = { address: query.address?.address, reason: query.reason };
    const suppressions = await findSuppressions(db, clientOf(ctx.state.client, query.client), filter, page);
    const last = suppressions.length === query.limit ? suppressions.at(-1) : undefined;
    ctx.set('Cache-Control', 'no-store');
    ctx.body = { suppressions, next_cursor: last ? cursorOf({ address: last.address }) : null };
  });

  router.post('/api/suppressions', authenticate, async (ctx) => {
    const body = await readJson(ctx, addBody);
    ctx.body = await addSuppression(db, clientOf(ctx.state.client, body.client), body.address.address);
  });

  router.delete('/api/suppressions/:address', authenticate, async (ctx) => {
    const query = validate(removeQuery, { ...ctx.query });
    const given = validate(z.strictObject({ address }), { address: ctx.params.address });
    const removed = await removeSuppression(db, clientOf(ctx.state.client, query.client), given.address.address);
    if (!removed) throw new Problem(404, 'suppression_not_found', 'This address is not suppressed.');
    ctx.status = 204;
  });
}

function clientOf(own: Client, asked: string | undefined): string {
  if (asked && asked !== own.id) mustBeOperator(own, 'see what is not its client’s');
  return asked ?? own.id;
}
