import { z } from 'zod';
import { addSender, listSenders, parseSender, removeSender } from '../../domain/clients/senders.js';
import { Problem } from '../../http/problem.js';
import type { Db } from '../../postgres/database.js';
import { listOf, moment } from '../routing/answers.js';
import { jsonBody, route } from '../routing/route.js';
import { clientId, clientNotFound, mustBeOwn } from './client-id.js';

const senders = z.object({
  senders: listOf(
    z
      .object({ sender: z.string(), created_at: moment.nullable().describe('Null of `*`.') })
      .meta({ id: 'AllowedSender' }),
  ),
});

const sender = z
  .string()
  .max(512)
  .transform((text, context) => {
    const parsed = parseSender(text);
    if (parsed) return parsed;
    const message = 'must be an address, a domain, *. and a domain, or * for anybody';
    context.issues.push({ code: 'custom', message, input: text });
    return z.NEVER;
  })
  .meta({
    description: [
      '`orders@example.com`; `example.com`: every address of this domain; `*.example.com`: of every domain below it;',
      '`*`: anybody.',
    ].join(' '),
    examples: ['example.com'],
  });

const list = route({
  method: 'get',
  path: '/api/clients/{id}/senders',
  operationId: 'listSenders',
  summary: 'As whom a client may send',
  description: 'A new client may send as nobody.',
  tag: 'Clients and keys',
  access: { scope: 'read', role: 'viewer' },
  params: { id: clientId },
  answer: { status: 200, description: 'All of them, by the alphabet.', schema: senders },
  problems: ['client_not_found'],
  handle: async ({ params }, ctx, { db }) => {
    mustBeOwn(ctx.state.client, params.id);
    return listOfClient(db, params.id);
  },
});

const add = route({
  method: 'post',
  path: '/api/clients/{id}/senders',
  operationId: 'addSender',
  summary: 'Allow a client to send as somebody',
  description: 'From the next submission on. Twice is once.',
  tag: 'Clients and keys',
  access: { scope: null, role: 'admin' },
  params: { id: clientId },
  body: jsonBody(z.strictObject({ sender }), {
    'A domain': { sender: 'example.com' },
    'One address': { sender: 'orders@example.com' },
  }),
  answer: { status: 200, description: 'All of them now.', schema: senders },
  problems: ['client_not_found', 'too_many_senders'],
  audit: {
    action: 'sender.add',
    targets: ({ params, body }) => [{ kind: 'sender', clientId: params.id, sender: body.sender }],
  },
  handle: async ({ params, body }, _ctx, { db }) => {
    const result = await addSender(db, params.id, body.sender);
    if (result === 'no_client') throw clientNotFound();
    if (result === 'too_many') {
      throw new Problem(409, 'too_many_senders', 'This client has as many senders as it may. Allow a domain instead.');
    }
    return listOfClient(db, params.id);
  },
});

const senderNotFound = () =>
  new Problem(404, 'sender_not_found', 'This client may not send as this one anyway, or only by a domain that it may.');

const remove = route({
  method: 'delete',
  path: '/api/clients/{id}/senders/{sender}',
  operationId: 'removeSender',
  summary: 'Take it back that a client may send as somebody',
  description: 'From the next submission on; what was accepted is sent all the same.',
  tag: 'Clients and keys',
  access: { scope: null, role: 'admin' },
  params: { id: clientId, sender: { schema: sender, refuse: senderNotFound } },
  answer: { status: 204, description: 'It may not any more.' },
  problems: ['client_not_found', 'sender_not_found'],
  audit: {
    action: 'sender.remove',
    targets: ({ params }) => [{ kind: 'sender', clientId: params.id, sender: params.sender }],
  },
  handle: async ({ params }, _ctx, { db }) => {
    if (!(await removeSender(db, params.id, params.sender))) throw senderNotFound();
  },
});

async function listOfClient(db: Db, id: string) {
  const found = await listSenders(db, id);
  if (!found) throw clientNotFound();
  return { senders: found };
}

export const senderRoutes = [list, add, remove];
