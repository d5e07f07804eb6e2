import type Router from '@koa/router';
import { z } from 'zod';
import { changeClientSettings, readClientSettings } from '../../db/client-settings.js';
import type { Db } from '../../db/database.js';
import { Problem } from '../../http/problem.js';
import { type ApiState, type Authenticate, requireOperator } from '../authenticate.js';
import { readJson } from '../json-body.js';

export interface ClientRouteOptions {
  readonly db: Db;
  readonly authenticate: Authenticate;
}

const limit = z.number().int().min(0).max(2_000_000_000).optional();
const change = z.strictObject({
  failure_notices: z.boolean().optional(),
  daily_limits: z.strictObject({ critical: limit, medium: limit, low: limit }).optional(),
});

/** What is set for a client: `GET` and, for operators, `PATCH /api/clients/{id}`. A client may look at itself. */
export function addClientRoutes(router: Router<ApiState>, { db, authenticate }: ClientRouteOptions): void {
  router.get('/api/clients/:id', authenticate, async (ctx) => {
    const id = idOf(ctx.params.id);
    const { client } = ctx.state;
    if (!client.operator && client.id !== id) throw notFound();
    ctx.body = await settingsOf(db, id);
  });

  router.patch('/api/clients/:id', authenticate, requireOperator, async (ctx) => {
    const id = idOf(ctx.params.id);
    await changeClientSettings(db, id, await readJson(ctx, change));
    ctx.body = await settingsOf(db, id);
  });
}

async function settingsOf(db: Db, id: string) {
  const settings = await readClientSettings(db, id);
  if (!settings) throw notFound();
  return settings;
}

function idOf(text: string | undefined): string {
  const parsed = z.uuid().safeParse(text);
  if (!parsed.success) throw notFound();
  return parsed.data.toLowerCase();
}

const notFound = () => new Problem(404, 'client_not_found', 'There is no client of this id.');
