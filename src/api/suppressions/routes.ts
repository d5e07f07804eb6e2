import { z } from 'zod';
import type { Client } from '../../domain/clients/keys.js';
import { addSuppression, findSuppressions, removeSuppression } from '../../domain/suppressions/suppressions.js';
import { Problem } from '../../http/problem.js';
import { address, cursor, cursorOf, pageLimit } from '../fields.js';
import { listOf, moment, nextCursor } from '../routing/answers.js';
import { jsonBody, route } from '../routing/route.js';
import { mustBeOperator } from '../scope.js';

const client = z.uuid().optional().describe('Whose: an operator may name another client.');

const reason = z.enum(['bounced', 'complained', 'unsubscribed', 'manual']);

const suppression = z
  .object({
    address: z.string(),
    reason,
    email_id: z.uuid().nullable().describe('The e-mail that showed it; null when it was added by hand.'),
    created_at: moment,
    unsubscribed_at: moment.nullable().describe('When its owner unsubscribed as well, where `reason` is another one.'),
  })
  .meta({ id: 'Suppression' });

const listSuppressions = route({
  method: 'get',
  path: '/api/suppressions',
  operationId: 'listSuppressions',
  summary: 'The addresses that a client must not write to',
  description: 'By address. `unsubscribed` concerns e-mails of priority `low` only, every other reason all of them.',
  tag: 'Suppressions',
  access: { scope: 'suppressions', role: 'viewer' },
  query: z.strictObject({
    client,
    address: address.optional(),
    reason: reason.optional(),
    limit: pageLimit(100, 1_000),
    cursor: cursor(z.object({ address: z.string().max(512) })).optional(),
  }),
  answer: {
    status: 200,
    description: 'A page of them.',
    schema: z.object({ suppressions: listOf(suppression), next_cursor: nextCursor }),
  },
  problems: ['operator_only'],
  handle: async ({ query }, ctx, { db }) => {
    const page = { after: query.cursor?.address, limit: query.limit };
    const filter = { address: query.address?.address, reason: query.reason };
    const suppressions = await findSuppressions(db, clientOf(ctx.state.client, query.client), filter, page);
    const last = suppressions.length === query.limit ? suppressions.at(-1) : undefined;
    ctx.set('Cache-Control', 'no-store');
    return { suppressions, next_cursor: last ? cursorOf({ address: last.address }) : null };
  },
});

const suppress = route({
  method: 'post',
  path: '/api/suppressions',
  operationId: 'addSuppression',
  summary: 'Suppress an address',
  description: 'One that is suppressed already keeps its reason, unless that is `unsubscribed`.',
  tag: 'Suppressions',
  access: { scope: 'suppressions', role: 'operator' },
  body: jsonBody(z.strictObject({ client, address, reason: z.literal('manual').default('manual') }), {
    'An address': { address: 'ada@example.org' },
  }),
  answer: { status: 200, description: 'What is there now.', schema: suppression },
  problems: ['operator_only'],
  audit: {
    action: 'suppression.add',
    targets: ({ body }, ctx) => [suppressionOf(ctx.state.client, body.client, body.address.address)],
  },
  handle: ({ body }, ctx, { db }) => addSuppression(db, clientOf(ctx.state.client, body.client), body.address.address),
});

const unsuppress = route({
  method: 'delete',
  path: '/api/suppressions/{address}',
  operationId: 'removeSuppression',
  summary: 'Take a suppression back',
  description: [
    'Who had unsubscribed as well is left as `unsubscribed`, because that was theirs to say; a second `DELETE` takes',
    'that back.',
  ].join(' '),
  tag: 'Suppressions',
  access: { scope: 'suppressions', role: 'operator' },
  params: { address: { schema: address } },
  query: z.strictObject({ client }),
  answer: { status: 204, description: 'It is taken back.' },
  problems: ['operator_only', 'suppression_not_found'],
  audit: {
    action: 'suppression.remove',
    targets: ({ params, query }, ctx) => [suppressionOf(ctx.state.client, query.client, params.address.address)],
  },
  handle: async ({ params, query }, ctx, { db }) => {
    const removed = await removeSuppression(db, clientOf(ctx.state.client, query.client), params.address.address);
    if (!removed) throw new Problem(404, 'suppression_not_found', 'This address is not suppressed.');
  },
});

export const suppressionRoutes = [listSuppressions, suppress, unsuppress];

const suppressionOf = (own: Client, asked: string | undefined, of: string) =>
  ({ kind: 'suppression', clientId: asked ?? own.id, address: of }) as const;

function clientOf(own: Client, asked: string | undefined): string {
  if (asked && asked !== own.id) mustBeOperator(own, 'see what is not its client’s');
  return asked ?? own.id;
}
