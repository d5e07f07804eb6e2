import type { Client } from '../../domain/clients/keys.js';
import { searchEmails } from '../../domain/search/search.js';
import { Problem } from '../../http/problem.js';
import { cursorOf } from '../fields.js';
import { route } from '../routing/route.js';
import { mustBeOperator } from '../scope.js';
import { invalidFields } from '../send/faults.js';
import { pageOfEmails, rangeOf, searchQuery } from './schema.js';

const search = route({
  method: 'get',
  path: '/api/emails',
  operationId: 'searchEmails',
  summary: 'Find e-mails, the newest first',
  description: [
    'Those that fit everything that is asked, of the key’s client; for an operator, everyone’s. Without `from` and `to`',
    'of the last 30 days. A page reads a bounded number of e-mails: it can be short, or empty, and `next_cursor` go on',
    'all the same. Ask again with the same filters until it is null.',
  ].join(' '),
  tag: 'E-mails',
  access: { scope: 'read', role: 'viewer' },
  query: searchQuery,
  answer: { status: 200, description: 'A page of them.', schema: pageOfEmails },
  problems: ['operator_only', 'too_many_searches'],
  handle: async ({ query }, ctx, { db, catalogue, searches }) => {
    const { receiver, sender, status, priority, tag, metadata } = query;
    if (status && !catalogue.has(status)) {
      throw invalidFields([{ field: 'status', code: 'invalid_value', message: 'is not a status' }]);
    }
    const clientId = clientFor(ctx.state.client, query.client);
    const filter = { clientId, receiver, sender, status, priority, tag, metadata };
    const page = await searches.run(ctx.state.client.id, () => searchEmails(db, filter, rangeOf(query), query.limit));
    if (!page) throw tooManySearches();
    ctx.set('Cache-Control', 'no-store');
    return { emails: page.emails, next_cursor: page.before ? cursorOf({ before: page.before }) : null };
  },
});

export const emailsRoutes = [search];

/** @throws Problem 403 when a client asks for another one's. */
function clientFor(client: Client, asked: string | undefined): string | undefined {
  if (asked && asked !== client.id) mustBeOperator(client, 'see what is not its client’s');
  return asked ?? (client.operator ? undefined : client.id);
}

export const tooManySearches = () =>
  new Problem(503, 'too_many_searches', 'Too many searches wait at this moment.', { headers: { 'Retry-After': '1' } });
