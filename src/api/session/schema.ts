import { z } from 'zod';
import { ROLES, SCOPES } from '../../domain/clients/access.js';
import { listOf, moment } from '../routing/answers.js';

export const session = z
  .object({
    client_id: z.uuid(),
    client_name: z.string(),
    key_name: z.string().nullable(),
    role: z.enum(ROLES).nullable().describe('Of an operator’s key; null: it is a client’s.'),
    scopes: listOf(z.enum(SCOPES)).describe('Of a client’s key.'),
    temporal_workflows: z.string().nullable().describe('Temporal’s page of workflows; null: not known.'),
    expires_at: moment.describe('At the latest; an hour without a request ends it, too.'),
  })
  .meta({ id: 'Session' });

export const sessionAnswer = z.object({
  session: session.nullable().describe('Null: nobody is signed in.'),
  identity_provider: z
    .string()
    .nullable()
    .describe('Where people sign in, beside keys: at `GET /api/session/open-id`. Null: nowhere.'),
});

const secret = z.string().min(1).max(500);

export const signInBody = z
  .strictObject({
    key: secret.optional().describe('An API key.'),
    token: secret.optional().describe('Of an address that signs in once.'),
  })
  .refine(({ key, token }) => (key === undefined) !== (token === undefined), {
    path: ['key'],
    error: 'give a key, or the token of an address',
  });

export const linkAnswer = z.object({
  path: z.string().describe('Below the api’s own address; the token is behind the `#`, which browsers send nowhere.'),
  expires_at: moment,
});
