import type Router from '@koa/router';
import { findEmailView } from '../../db/email-view.js';
import type { ApiState, Authenticate } from '../authenticate.js';
import type { Nudger } from '../nudger.js';
import { emailIdIn, scopeOf } from '../scope.js';
import { addEmailActions } from './actions.js';
import type { RetryDependencies } from './retry.js';
import { answerView } from './view.js';

export interface EmailRouteOptions extends RetryDependencies {
  readonly authenticate: Authenticate;
  readonly nudger: Nudger;
}

/** `GET /api/email/{id}`: what became of an e-mail, for the client that submitted it; and what can be done about it. */
export function addEmailRoutes(router: Router<ApiState>, options: EmailRouteOptions): void {
  const { db, authenticate } = options;
  router.get('/api/email/:id', authenticate, async (ctx) => {
    answerView(ctx, await findEmailView(db, scopeOf(ctx.state.client), emailIdIn(ctx)));
  });
  addEmailActions(router, options);
}
