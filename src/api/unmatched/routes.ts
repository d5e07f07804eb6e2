import { z } from 'zod';
import { listUnmatched } from '../../domain/tracking/unmatched-list.js';
import { cursor, cursorOf, pageLimit, providerName } from '../fields.js';
import { listOf, moment, nextCursor } from '../routing/answers.js';
import { route } from '../routing/route.js';

const webhook = z
  .object({
    id: z.string(),
    provider: providerName,
    reason: z.string().describe('Why it belongs to no e-mail.'),
    event_type: z.string().nullable().describe('In our word, or in the provider’s where we did not read more of it.'),
    provider_message_id: z.string().nullable().describe('The provider’s id of the message, where it names one.'),
    recorded_at: moment,
    match_at: moment.nullable().describe('When its e-mail is looked for again; null: not any more.'),
  })
  .meta({ id: 'UnmatchedWebhook' });

const list = route({
  method: 'get',
  path: '/api/admin/unmatched-webhooks',
  operationId: 'listUnmatchedWebhooks',
  summary: 'Webhooks that name no e-mail that we know, the latest first',
  description: 'Of the last 90 days. What the provider said in them is in the table `unmatched_webhooks` alone.',
  tag: 'Administration',
  access: { scope: null, role: 'viewer' },
  query: z.strictObject({
    limit: pageLimit(50, 500),
    cursor: cursor(z.object({ at: z.iso.datetime({ precision: 6 }), id: z.uuid() })).optional(),
  }),
  answer: {
    status: 200,
    description: 'A page of them.',
    schema: z.object({ webhooks: listOf(webhook), next_cursor: nextCursor }),
  },
  handle: async ({ query }, ctx, { db }) => {
    const { webhooks, next } = await listUnmatched(db, { before: query.cursor, limit: query.limit });
    ctx.set('Cache-Control', 'no-store');
    return { webhooks, next_cursor: next ? cursorOf(next) : null };
  },
});

export const unmatchedRoutes = [list];
