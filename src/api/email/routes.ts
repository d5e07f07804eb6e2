import type Router from '@koa/router';
import { findEmailView } from '../../domain/emails/view.js';
import type { ApiState } from '../authenticate.js';
import { emailIdIn, scopeOf } from '../scope.js';
import { addEmailActions, type EmailRouteOptions } from './actions.js';
import { answerView } from './view.js';

/** `GET /api/email/{id}`: what became of an e-mail, for the client that submitted it; and what can be done about it. */
export function addEmailRoutes(router: Router<ApiState>, options: EmailRouteOptions): void {
  const { db, authenticate } = options;
  router.get('/api/email/:id', authenticate, async (ctx) => {
    answerView(ctx, await findEmailView(db, scopeOf(ctx.state.client), emailIdIn(ctx)));
  });
  addEmailActions(router, options);
}
