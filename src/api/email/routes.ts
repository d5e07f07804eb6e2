import type Router from '@koa/router';
import type { Db } from '../../db/database.js';
import { type EmailView, findEmailView } from '../../db/email-view.js';
import { Problem } from '../../http/problem.js';
import type { ApiState, Authenticate } from '../authenticate.js';

export interface EmailRouteOptions {
  readonly db: Db;
  readonly authenticate: Authenticate;
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** `GET /api/email/{id}`: what became of an e-mail, for the client that submitted it. */
export function addEmailRoutes(router: Router<ApiState>, { db, authenticate }: EmailRouteOptions): void {
  router.get('/api/email/:id', authenticate, async (ctx) => {
    const { id = '' } = ctx.params;
    const view = UUID.test(id) ? await findEmailView(db, ctx.state.client.id, id) : undefined;
    // One answer for "no such e-mail" and "not yours": ids of others cannot be probed.
    if (!view) throw new Problem(404, 'email_not_found', 'There is no e-mail of this id.');
    ctx.state.emailId = view.id;
    ctx.set('Cache-Control', 'no-store');
    ctx.type = 'application/json';
    ctx.body = JSON.stringify(answerOf(view));
  });
}

/** The read model in the contract's order, with what follows from it. */
function answerOf({ metadata, tags, attachment, events, attempts, ...email }: EmailView) {
  return { ...email, retry_count: Math.max(0, attempts.length - 1), metadata, tags, attachment, events, attempts };
}
