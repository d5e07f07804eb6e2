import { type RetryResult, retryEmail } from '../../domain/actions/retry.js';
import type { Client } from '../../domain/clients/keys.js';
import { discard } from '../../domain/dead-letters/dead-letters.js';
import { countDeadLetters, findDeadLetters, groupDeadLetters } from '../../domain/dead-letters/search.js';
import { findEmailView } from '../../domain/emails/view.js';
import { Problem } from '../../http/problem.js';
import { auditedByHand } from '../audit/audited.js';
import { mustBeConfigured, RETRY_PROBLEMS, retry, retryAnswer, retryBody } from '../email/retry.js';
import { viewBody } from '../email/view.js';
import { cursorOf } from '../fields.js';
import { jsonBody, route } from '../routing/route.js';
import { emailId, mustBeOperator, scopeOf } from '../scope.js';
import {
  bulkRetryAnswer,
  bulkRetryBody,
  deadEmail,
  deadLetterGroups,
  discardAnswer,
  filterOf,
  listFilterOf,
  listQuery,
  MOST_GROUPS,
  pageOfDeadLetters,
} from './schema.js';

/** More than an e-mail has lives, in practice. */
const GENERATIONS = 100;

/** The dead letter store: everything in it for operators, and for clients what is theirs. */

const list = route({
  method: 'get',
  path: '/api/dead-letters',
  operationId: 'listDeadLetters',
  summary: 'What is past its retries, the oldest first',
  description: 'The dead letters of the key’s client; for an operator, everyone’s.',
  tag: 'Dead letters',
  access: { scope: 'read', role: 'viewer' },
  query: listQuery,
  answer: { status: 200, description: 'A page of them.', schema: pageOfDeadLetters },
  problems: ['operator_only'],
  handle: async ({ query }, ctx, { db }) => {
    const scope = scopeFor(ctx.state.client, query.client);
    const page = { limit: query.limit, after: query.cursor };
    const found = await findDeadLetters(db, listFilterOf(query, scope), page);
    ctx.set('Cache-Control', 'no-store');
    return { dead_letters: found.letters, next_cursor: found.next ? cursorOf(found.next) : null };
  },
});

const group = route({
  method: 'get',
  path: '/api/dead-letters/groups',
  operationId: 'groupDeadLetters',
  summary: 'How many there are, by reason, code and provider',
  description: 'Mostly one cause, and one thing to do. Those of the key’s client; for an operator, everyone’s.',
  tag: 'Dead letters',
  access: { scope: 'read', role: 'viewer' },
  answer: { status: 200, description: 'The groups.', schema: deadLetterGroups },
  handle: async (_input, ctx, { db }) => {
    ctx.set('Cache-Control', 'no-store');
    return { groups: await groupDeadLetters(db, scopeOf(ctx.state.client), MOST_GROUPS) };
  },
});

const read = route({
  method: 'get',
  path: '/api/dead-letters/{id}',
  operationId: 'getDeadLetter',
  summary: 'Every death of an e-mail, and the e-mail itself',
  description: 'With the attempts of all its lives.',
  tag: 'Dead letters',
  access: { scope: 'read', role: 'viewer' },
  params: { id: emailId },
  answer: { status: 200, description: 'The e-mail.', schema: deadEmail },
  problems: ['email_not_found', 'dead_letter_not_found'],
  handle: async ({ params }, ctx, { db }) => {
    const scope = scopeOf(ctx.state.client);
    const filter = { emailId: params.id, state: 'all', clientId: scope ?? undefined } as const;
    const { letters } = await findDeadLetters(db, filter, { limit: GENERATIONS });
    const view = letters.length > 0 ? await findEmailView(db, scope, params.id) : undefined;
    if (!view) throw notFound();
    ctx.state.emailId = params.id;
    ctx.set('Cache-Control', 'no-store');
    const deaths = letters.map(({ generation, reason, code, provider, died_at, resolved_at, resolution }) => {
      return { generation, reason, code, provider, died_at, resolved_at, resolution };
    });
    return { id: params.id, client_id: letters[0]!.client_id, deaths, email: viewBody(view) };
  },
});

const retryMany = route({
  method: 'post',
  path: '/api/dead-letters/retry',
  operationId: 'retryDeadLetters',
  summary: 'Retry many dead letters, by a filter',
  description: 'The open ones that the filters name. Without a filter say `"all": true`.',
  tag: 'Dead letters',
  access: { scope: 'send', role: 'operator' },
  body: jsonBody(bulkRetryBody, {
    'How many would it be': { reason: 'lifetime_over', dry_run: true },
    'All of one provider': { provider: 'mailgun' },
  }),
  answer: { status: 200, description: 'What became of them.', schema: bulkRetryAnswer },
  problems: ['operator_only'],
  audit: { byHand: 'email.retry' },
  handle: async ({ body }, ctx, { db, logger, catalogue, deadlineMs, providers }) => {
    const { client } = ctx.state;
    const filter = filterOf(body, scopeFor(client, body.client));
    if (body.through) mustBeOperator(client, 'choose a provider');
    if (body.through) mustBeConfigured(body.through, providers);
    const matching = await countDeadLetters(db, filter);
    if (body.dry_run) return { dry_run: true, matching, retried: 0, skipped: 0 };
    const { letters } = await findDeadLetters(db, filter, { limit: body.limit });
    let retried = 0;
    const common = { clientId: scopeOf(client), provider: body.through, deadlineMs };
    for (const { id } of letters) {
      const by = client.operator ? 'operator' : 'client';
      const act = {
        action: 'email.retry',
        targets: () => [{ kind: 'email', id } as const],
        isDone: (result: RetryResult) => result.kind === 'retried',
      };
      const result = await auditedByHand(ctx, { db, logger }, act, (trx) =>
        retryEmail(trx, { ...common, emailId: id, by }, catalogue),
      );
      if (result.kind === 'retried') retried++;
    }
    return { dry_run: false, matching, retried, skipped: letters.length - retried };
  },
});

const retryOne = route({
  method: 'post',
  path: '/api/dead-letters/{id}/retry',
  operationId: 'retryDeadLetter',
  summary: 'Retry a dead letter',
  description: 'As `POST /api/email/{id}/retry`.',
  tag: 'Dead letters',
  access: { scope: 'send', role: 'operator' },
  params: { id: emailId },
  body: jsonBody(retryBody, { 'As it was': {} }),
  answer: { status: 200, description: 'It is queued again.', schema: retryAnswer },
  problems: [...RETRY_PROBLEMS, 'dead_letter_not_found'],
  audit: { action: 'email.retry', targets: ({ params }) => [{ kind: 'email', id: params.id }] },
  handle: async ({ params, body }, ctx, api) => {
    const clientId = scopeOf(ctx.state.client) ?? undefined;
    const filter = { emailId: params.id, state: 'all', clientId } as const;
    if ((await countDeadLetters(api.db, filter)) === 0) throw notFound();
    return retry(params.id, body, ctx, api);
  },
});

const discardOne = route({
  method: 'post',
  path: '/api/dead-letters/{id}/discard',
  operationId: 'discardDeadLetter',
  summary: 'Close a dead letter',
  description: 'Nothing more is to be done. The e-mail stays `dead`, and can still be retried.',
  tag: 'Dead letters',
  access: { scope: 'send', role: 'operator' },
  params: { id: emailId },
  answer: { status: 200, description: 'It is closed.', schema: discardAnswer },
  problems: ['email_not_found', 'dead_letter_not_found'],
  audit: { action: 'dead_letter.discard', targets: ({ params }) => [{ kind: 'dead_letter', id: params.id }] },
  handle: async ({ params }, ctx, { db }) => {
    ctx.state.emailId = params.id;
    if (!(await discard(db, scopeOf(ctx.state.client), params.id))) throw notFound();
    return { id: params.id, resolution: 'discarded' as const };
  },
});

export const deadLetterRoutes = [list, group, read, retryMany, retryOne, discardOne];

/** @throws Problem 403 when a client asks for another one's. */
function scopeFor(client: Client, asked: string | undefined): string | null {
  if (asked && asked !== client.id) mustBeOperator(client, 'see what is not its client’s');
  return scopeOf(client);
}

const notFound = () => new Problem(404, 'dead_letter_not_found', 'There is no such dead letter.');
