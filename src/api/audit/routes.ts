import { z } from 'zod';
import { listActs } from '../../domain/audit/listed.js';
import { TARGET_KINDS } from '../../domain/audit/targets.js';
import { cursor, cursorOf, pageLimit } from '../fields.js';
import { listOf, moment, nextCursor } from '../routing/answers.js';
import { route } from '../routing/route.js';

const time = z.iso.datetime({ offset: true }).transform((text) => new Date(text));
const state = z.record(z.string(), z.unknown()).nullable();

const act = z
  .object({
    id: z.int(),
    at: moment,
    source: z.enum(['api', 'cli', 'console', 'temporal']).describe('`temporal`: made in Temporal itself, past us.'),
    client_id: z.uuid().nullable().describe('Whose key it was; null: nobody’s that is known.'),
    client_name: z.string().nullable().describe('As it was then, and so the key’s name and role.'),
    key_id: z.uuid().nullable(),
    key_name: z.string().nullable(),
    role: z.string().nullable().describe('Of an operator’s key; null of a client’s.'),
    address: z.string().nullable().describe('The IP address it came from.'),
    request_id: z.uuid().nullable().describe('The answer’s `X-Request-Id`.'),
    action: z.string(),
    target_kind: z.enum(TARGET_KINDS),
    target_id: z
      .string()
      .describe('Of an entry of a list: its client and the entry, an address of which is kept as a hash.'),
    before: state.describe('How the target stood; null: it was not there, or nobody knows.'),
    after: state.describe('How it stands since.'),
    reason: z.string().nullable(),
  })
  .meta({ id: 'Act' });

const list = route({
  method: 'get',
  path: '/api/admin/audit',
  operationId: 'listAudit',
  summary: 'Who did what, the latest first',
  description: [
    'A row for each change by the API or the command line, written in the change’s own transaction, and for what was done',
    'in Temporal itself. Submitting e-mails is no change.',
  ].join(' '),
  tag: 'Administration',
  access: { scope: null, role: 'viewer' },
  query: z.strictObject({
    action: z.string().max(64).optional().describe('As `queue.pause`.'),
    source: z.enum(['api', 'cli', 'console', 'temporal']).optional(),
    client: z.uuid().optional().describe('Who did it.'),
    key: z.uuid().optional().describe('By which key.'),
    kind: z.enum(TARGET_KINDS).optional().describe('Of the target.'),
    target: z.string().min(1).max(600).optional().describe('Its id; of an entry of a list also the entry.'),
    from: time.optional().describe('At or after.'),
    to: time.optional().describe('Before.'),
    limit: pageLimit(50, 500),
    cursor: cursor(z.object({ id: z.int() })).optional(),
  }),
  answer: {
    status: 200,
    description: 'A page of it.',
    schema: z.object({ acts: listOf(act), next_cursor: nextCursor }),
  },
  handle: async ({ query }, ctx, { db }) => {
    const { client, key, kind, limit, cursor: place, ...filter } = query;
    const acts = await listActs(
      db,
      { ...filter, clientId: client, keyId: key, targetKind: kind },
      { before: place?.id, limit },
    );
    const last = acts.length === limit ? acts.at(-1) : undefined;
    ctx.set('Cache-Control', 'no-store');
    return { acts, next_cursor: last ? cursorOf({ id: last.id }) : null };
  },
});

export const auditRoutes = [list];
