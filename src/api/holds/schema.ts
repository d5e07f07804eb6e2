import { z } from 'zod';
import { priority } from '../fields.js';
import { countOf, moment } from '../routing/answers.js';
import { isOneLine } from '../send/faults.js';

const domain = z
  .string()
  .trim()
  .min(1)
  .max(253)
  .regex(/^[^\s@<>]+$/, 'must be a domain')
  .toLowerCase()
  .optional();

export const holdBody = z
  .strictObject({
    client: z.uuid().optional(),
    sender_domain: domain.describe('Of the sender’s address; no others below it.'),
    receiver_domain: domain.describe('Of the receiver’s address; no others below it.'),
    tag: z.string().min(1).max(128).optional(),
    priority: priority.optional().describe('Only this one; to stop a priority as a whole, pause it.'),
    reject: z
      .boolean()
      .default(false)
      .describe('Refuse submissions with `503 held`, rather than accept and hold them.'),
    reason: z
      .string()
      .trim()
      .min(1, 'must say why')
      .max(200)
      .refine(isOneLine, 'must be one line')
      .describe('Why, in one line.'),
  })
  .refine(({ client, sender_domain, receiver_domain, tag }) => client ?? sender_domain ?? receiver_domain ?? tag, {
    path: ['client'],
    error: 'say which mail: client, sender_domain, receiver_domain or tag',
  });

export const hold = z
  .object({
    id: z.uuid(),
    client_id: z.uuid().nullable(),
    sender_domain: z.string().nullable(),
    receiver_domain: z.string().nullable(),
    tag: z.string().nullable(),
    priority: priority.nullable(),
    reject: z.boolean(),
    reason: z.string(),
    created_at: moment,
    held: countOf('Held at this moment; what is in flight joins them when it asks for permission to call.'),
    who: z.string().nullable().describe('Whose key it was, as `client` or `client/key`.'),
  })
  .meta({ id: 'Hold' });
