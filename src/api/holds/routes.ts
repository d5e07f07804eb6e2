import { z } from 'zod';
import { hold as beginHold, MOST_HOLDS, release } from '../../domain/holds/holds.js';
import { Problem } from '../../http/problem.js';
import { uuid } from '../fields.js';
import { listOf } from '../routing/answers.js';
import { jsonBody, route } from '../routing/route.js';
import { holdsOf } from './listed.js';
import { hold, holdBody } from './schema.js';

const list = route({
  method: 'get',
  path: '/api/admin/holds',
  operationId: 'listHolds',
  summary: 'Which mail is held',
  tag: 'Administration',
  access: { scope: null, role: 'viewer' },
  answer: { status: 200, description: 'The oldest first.', schema: z.object({ holds: listOf(hold) }) },
  handle: (_input, _ctx, api) => holdsOf(api),
});

const begin = route({
  method: 'post',
  path: '/api/admin/holds',
  operationId: 'holdMail',
  summary: 'Hold mail by client, domain or tag',
  description: [
    'What is given has to be so, all of it. Such mail is accepted and waits, and the time does not count against its',
    'lifetime. What is queued is not started; what is on its way is stopped unless its call has begun.',
  ].join(' '),
  tag: 'Administration',
  access: { scope: null, role: 'operator' },
  body: jsonBody(holdBody, {
    'A campaign that went wrong': { tag: 'spring-sale', reason: 'wrong prices' },
    'A domain that is down': { receiver_domain: 'example.org', reason: 'their server is down' },
  }),
  answer: { status: 201, description: 'It holds from now on.', schema: z.object({ id: z.uuid() }) },
  problems: ['too_many_holds'],
  audit: { action: 'hold.begin', targets: (_input, _ctx, made) => (made ? [{ kind: 'hold', id: made.id }] : []) },
  handle: async ({ body }, _ctx, { db }) => {
    const { client: clientId, sender_domain: senderDomain, receiver_domain: receiverDomain, ...others } = body;
    const id = await beginHold(db, { clientId, senderDomain, receiverDomain, ...others });
    if (!id) throw new Problem(409, 'too_many_holds', `There are ${MOST_HOLDS} holds; release one first.`);
    return { id };
  },
});

const holdNotFound = () => new Problem(404, 'hold_not_found', 'There is no such hold, or it was released.');

const end = route({
  method: 'delete',
  path: '/api/admin/holds/{id}',
  operationId: 'releaseHold',
  summary: 'Release held mail',
  description: 'It goes on within seconds, by the time at which it was due, unless another hold concerns it.',
  tag: 'Administration',
  access: { scope: null, role: 'operator' },
  params: { id: { schema: uuid, refuse: holdNotFound } },
  answer: { status: 204, description: 'It is released.' },
  problems: ['hold_not_found'],
  audit: { action: 'hold.release', targets: ({ params }) => [{ kind: 'hold', id: params.id }] },
  handle: async ({ params }, _ctx, { db }) => {
    if (!(await release(db, params.id))) throw holdNotFound();
  },
});

export const holdRoutes = [list, begin, end];
