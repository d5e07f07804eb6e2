import { route } from '../routing/route.js';
import { emailId } from '../scope.js';
import { emailActions } from './actions.js';
import { contentRoutes } from './content.js';
import { emailAnswer } from './schema.js';
import { showEmail } from './view.js';

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
  handle: ({ params }, ctx, api) => showEmail(ctx, api, params.id),
});

/** What became of an e-mail, and what can be done about it. */
export const emailRoutes = [read, ...contentRoutes, ...emailActions];
