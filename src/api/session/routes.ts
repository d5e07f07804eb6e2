import type { Client } from '../../domain/clients/keys.js';
import { createLink } from '../../domain/sessions/links.js';
import { beginSession, endSession, sessionEnd } from '../../domain/sessions/sessions.js';
import { Problem } from '../../http/problem.js';
import type { ApiDependencies } from '../dependencies.js';
import { type ApiContext, jsonBody, route } from '../routing/route.js';
import { refuseOtherSites, refuseOtherSitesPages, sessionIn, setSessionCookie } from './credential.js';
import { clientNameOf } from './open-id/claims.js';
import { openIdRoutes } from './open-id/routes.js';
import { linkAnswer, sessionAnswer, signInBody } from './schema.js';

/** Signing in to the console. What a session may is what its key may; programs use keys. */

const shown = (client: Client, temporal_workflows: string | null, expiresAt: Date) => ({
  temporal_workflows,
  client_id: client.id,
  client_name: client.name,
  key_name: client.keyName,
  role: client.role,
  scopes: client.scopes,
  expires_at: expiresAt,
});

const read = route({
  method: 'get',
  path: '/api/session',
  operationId: 'getSession',
  summary: 'Who is signed in',
  tag: 'Console',
  access: 'public',
  answer: { status: 200, description: 'Who this browser is signed in as.', schema: sessionAnswer },
  problems: ['database_unavailable', 'cross_site_request', 'rate_limited'],
  handle: async (_input, ctx, api) => {
    ctx.set('Cache-Control', 'no-store');
    const token = sessionIn(ctx);
    const client = token && (await ownerOf(token, ctx, api));
    const end = client ? await sessionEnd(api.db, token) : null;
    const identity_provider = api.openId && clientNameOf(api.openId.issuer);
    return { session: client && end ? shown(client, api.temporalWorkflows, end) : null, identity_provider };
  },
});

/** Whose session it is, past the same door as any other request; undefined when it is over. @throws Problem 403, 429. */
async function ownerOf(token: string, ctx: ApiContext, { identify }: ApiDependencies): Promise<Client | undefined> {
  refuseOtherSites(ctx);
  try {
    return (await identify(ctx, { kind: 'session', text: token })).client;
  } catch (error) {
    if (error instanceof Problem && (error.status === 401 || error.status === 403)) return undefined;
    throw error;
  }
}

const begin = route({
  method: 'post',
  path: '/api/session',
  operationId: 'beginSession',
  summary: 'Sign a browser in',
  description: [
    'With an API key, or with an address that signs in once. The session may what the key may, for twelve hours at most',
    'and until an hour without a request; it ends with its key. Sets the cookie `tempost_session`.',
  ].join(' '),
  tag: 'Console',
  access: 'public',
  body: jsonBody(signInBody),
  answer: {
    status: 200,
    description: 'Who is signed in.',
    schema: sessionAnswer,
    headers: { 'Set-Cookie': 'The session; no script can read it.' },
  },
  problems: [
    ...(['invalid_api_key', 'invalid_link', 'client_disabled', 'address_not_allowed', 'cross_site_request'] as const),
    ...(['rate_limited', 'database_unavailable'] as const),
  ],
  audit: { none: 'it is in the log; what is done in the session has rows of its own' },
  handle: async ({ body }, ctx, api) => {
    refuseOtherSitesPages(ctx);
    const { key, token: once } = body;
    const credential = key === undefined ? { kind: 'link' as const, text: once! } : { kind: 'key' as const, text: key };
    const { client } = await api.identify(ctx, credential);
    const before = sessionIn(ctx);
    const former = before ? await ownerOf(before, ctx, api).catch(() => undefined) : undefined;
    if (before && former) await endSession(api.db, before);
    const { token, expiresAt } = await beginSession(api.db, client.keyId);
    setSessionCookie(ctx, token, expiresAt);
    ctx.set('Cache-Control', 'no-store');
    const { requestId } = ctx.state;
    api.logger.info({ requestId, clientId: client.id, keyId: client.keyId }, 'signed in to the console');
    const identity_provider = api.openId && clientNameOf(api.openId.issuer);
    return { session: shown(client, api.temporalWorkflows, expiresAt), identity_provider };
  },
});

const end = route({
  method: 'delete',
  path: '/api/session',
  operationId: 'endSession',
  summary: 'Sign out',
  description: 'The session is gone at once, wherever its cookie may be. Without one nothing happens.',
  tag: 'Console',
  access: 'public',
  answer: { status: 204, description: 'Nobody is signed in.' },
  problems: ['cross_site_request', 'database_unavailable', 'rate_limited'],
  audit: { none: 'it changes nothing but who looks' },
  handle: async (_input, ctx, api) => {
    const token = sessionIn(ctx);
    if (!token) return;
    if (await ownerOf(token, ctx, api)) await endSession(api.db, token);
    setSessionCookie(ctx, null);
  },
});

const link = route({
  method: 'post',
  path: '/api/session/links',
  operationId: 'createSignInLink',
  summary: 'Make an address that signs in once',
  description: 'As the owner of the key that asks; a browser that is signed in cannot. It lasts a quarter of an hour.',
  tag: 'Console',
  access: { scope: null, role: 'viewer' },
  answer: { status: 201, description: 'The address.', schema: linkAnswer },
  audit: { none: 'it changes nothing; what is done in the session has rows of its own' },
  handle: async (_input, ctx, { db }) => {
    if (ctx.state.bySession) throw new Problem(403, 'cross_site_request', 'This needs an API key, not a session.');
    const { token, expiresAt } = await createLink(db, ctx.state.client.keyId);
    return { path: `/console/sign-in#${token}`, expires_at: expiresAt };
  },
});

export const sessionRoutes = [read, begin, end, link, ...openIdRoutes];
