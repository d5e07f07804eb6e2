import { setTimeout } from 'node:timers/promises';
import type Router from '@koa/router';
import { Problem } from '../../http/problem.js';
import type { Db } from '../../postgres/database.js';
import { pendingMigrations } from '../../postgres/migrate.js';
import type { ApiState } from '../authenticate.js';

/** Whoever asks has a time-out, too. */
const PATIENCE_MS = 2_000;

/** `GET /healthz`: the process runs. `GET /readyz`: it can accept mail, that is, the database answers and is migrated. */
export function addHealthRoutes(router: Router<ApiState>, { db }: { readonly db: Db }): void {
  router.get('/healthz', (ctx) => {
    ctx.body = { status: 'ok' };
  });

  router.get('/readyz', async (ctx) => {
    // Whatever the database answers other than "all is there", this process should get no requests.
    const pending = await Promise.race([
      pendingMigrations(db).catch(() => undefined),
      setTimeout(PATIENCE_MS, undefined, { ref: false }),
    ]);
    if (!pending) throw new Problem(503, 'database_unavailable', 'The database cannot be reached now.', retryLater);
    if (pending.length > 0)
      throw new Problem(503, 'database_not_migrated', 'The database is not migrated.', retryLater);
    ctx.body = { status: 'ready' };
  });
}

const retryLater = { headers: { 'Retry-After': '5' } };
