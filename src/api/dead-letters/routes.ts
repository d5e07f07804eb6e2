import type Router from '@koa/router';
import { retryEmail } from '../../domain/actions/retry.js';
import type { Client } from '../../domain/clients/keys.js';
import { discard } from '../../domain/dead-letters/dead-letters.js';
import { countDeadLetters, findDeadLetters } from '../../domain/dead-letters/search.js';
import { findEmailView } from '../../domain/emails/view.js';
import { Problem } from '../../http/problem.js';
import type { ApiState, Authenticate } from '../authenticate.js';
import { handleRetry, mustBeConfigured, type RetryDependencies } from '../email/retry.js';
import { viewBody } from '../email/view.js';
import { cursorOf } from '../fields.js';
import { readJson, validate } from '../json-body.js';
import { emailIdIn, mustBeOperator, scopeOf } from '../scope.js';
import { bulkRetryBody, filterOf, listQuery } from './schema.js';

export interface DeadLetterRouteOptions extends RetryDependencies {
  readonly authenticate: Authenticate;
}

/** More than an e-mail has lives, in practice. */
const GENERATIONS = 100;

/** The dead letter store: everything in it for operators, and for clients what is theirs. */
export function addDeadLetterRoutes(router: Router<ApiState>, options: DeadLetterRouteOptions): void {
  const { db, authenticate, catalogue, deadlineMs, providers } = options;

  router.get('/api/dead-letters', authenticate, async (ctx) => {
    const query = validate(listQuery, { ...ctx.query });
    const scope = scopeFor(ctx.state.client, query.client);
    const page = { limit: query.limit, after: query.cursor };
    const found = await findDeadLetters(db, { ...filterOf(query, scope), state: query.state }, page);
    ctx.set('Cache-Control', 'no-store');
    ctx.body = { dead_letters: found.letters, next_cursor: found.next ? cursorOf(found.next) : null };
  });

  router.get('/api/dead-letters/:id', authenticate, async (ctx) => {
    const emailId = emailIdIn(ctx);
    const scope = scopeOf(ctx.state.client);
    const filter = { emailId, state: 'all', clientId: scope ?? undefined } as const;
    const { letters } = await findDeadLetters(db, filter, { limit: GENERATIONS });
    const view = letters.length > 0 ? await findEmailView(db, scope, emailId) : undefined;
    if (!view) throw notFound();
    ctx.state.emailId = emailId;
    ctx.set('Cache-Control', 'no-store');
    const deaths = letters.map(({ generation, reason, code, provider, died_at, resolved_at, resolution }) => {
      return { generation, reason, code, provider, died_at, resolved_at, resolution };
    });
    ctx.body = { id: emailId, client_id: letters[0]!.client_id, deaths, email: viewBody(view) };
  });

  router.post('/api/dead-letters/retry', authenticate, async (ctx) => {
    const body = await readJson(ctx, bulkRetryBody);
    const { client } = ctx.state;
    const filter = filterOf(body, scopeFor(client, body.client));
    if (body.through) mustBeOperator(client, 'choose a provider');
    if (body.through) mustBeConfigured(body.through, providers);
    const matching = await countDeadLetters(db, filter);
    if (body.dry_run) {
      ctx.body = { dry_run: true, matching, retried: 0, skipped: 0 };
      return;
    }
    const { letters } = await findDeadLetters(db, filter, { limit: body.limit });
    let retried = 0;
    const common = { clientId: scopeOf(client), provider: body.through, deadlineMs };
    for (const { id } of letters) {
      const by = client.operator ? 'operator' : 'client';
      const result = await retryEmail(db, { ...common, emailId: id, by }, catalogue);
      if (result.kind === 'retried') retried++;
    }
    ctx.body = { dry_run: false, matching, retried, skipped: letters.length - retried };
  });

  const retryOne = handleRetry(options);
  router.post('/api/dead-letters/:id/retry', authenticate, async (ctx) => {
    const filter = { emailId: emailIdIn(ctx), state: 'all', clientId: scopeOf(ctx.state.client) ?? undefined } as const;
    if ((await countDeadLetters(db, filter)) === 0) throw notFound();
    await retryOne(ctx);
  });

  router.post('/api/dead-letters/:id/discard', authenticate, async (ctx) => {
    const emailId = emailIdIn(ctx);
    ctx.state.emailId = emailId;
    if (!(await discard(db, scopeOf(ctx.state.client), emailId))) throw notFound();
    ctx.body = { id: emailId, resolution: 'discarded' };
  });
}

/** @throws Problem 403 when a client asks for another one's. */
function scopeFor(client: Client, asked: string | undefined): string | null {
  if (asked && asked !== client.id) mustBeOperator(client, 'see what is not its client’s');
  return scopeOf(client);
}

const notFound = () => new Problem(404, 'dead_letter_not_found', 'There is no such dead letter.');
