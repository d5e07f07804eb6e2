import { findEmailView } from '../../domain/emails/view.js';
import { route } from '../routing/route.js';
import { emailId, scopeOf } from '../scope.js';
import { emailActions } from './actions.js';
import { emailAnswer } from './schema.js';
import { answerView } from './view.js';

const read = route({
  method: 'get',
  path: '/api/email/{id}',
  operationId: 'getEmail',
  summary: 'What became of an e-mail',
  description: 'For the client that submitted it, and for operators.',
  tag: 'E-mails',
  access: { scope: 'read', role: 'viewer' },
  params: { id: emailId },
  answer: { status: 200, description: 'The e-mail.', schema: emailAnswer },
  problems: ['email_not_found'],
  handle: async ({ params }, ctx, { db }) =>
    answerView(ctx, await findEmailView(db, scopeOf(ctx.state.client), params.id)),
});

/** What became of an e-mail, and what can be done about it. */
export const emailRoutes = [read, ...emailActions];
