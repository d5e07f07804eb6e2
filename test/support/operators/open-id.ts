import { afterAll, beforeAll, beforeEach, expect } from 'vitest';
import type { OpenIdSettings } from '../../../src/open-id-settings.js';
import { startTestApi, type TestApi } from '../api.js';
import { insertClient, type TestClient } from '../database.js';
import { CLIENT, type IssuerScript, type ScriptedIssuer, startScriptedIssuer } from '../servers/scripted-issuer.js';

export const CONSOLE_URL = 'https://tempost.example.com';
/** What a browser says of a page of ours. */
export const OURS = { 'Sec-Fetch-Site': 'same-origin' };
/** As browsers say when another site's page leads them somewhere. */
export const LED = { 'Sec-Fetch-Site': 'cross-site', 'Sec-Fetch-Mode': 'navigate' };
export const ADMIN: IssuerScript = { claims: { roles: ['tempost-admins'], name: 'Ada Lovelace' } };

export interface OpenId {
  issuer: ScriptedIssuer;
  api: TestApi;
  operator: TestClient;
}

/** An api whose people sign in at an identity provider that does what it is told; for one test file. */
export function withOpenId(): OpenId {
  const all = {} as OpenId;
  beforeAll(async () => {
    all.issuer = await startScriptedIssuer();
    all.api = await startTestApi({}, { openId: settingsOf(all.issuer) });
    all.operator = await insertClient(all.api.db, { operator: true });
  });
  afterAll(async () => {
    await all.api?.stop();
    await all.issuer?.stop();
  });
  beforeEach(() => {
    all.issuer.script = ADMIN;
  });
  return all;
}

export const settingsOf = ({ url }: ScriptedIssuer): OpenIdSettings => ({
  issuer: url,
  clientId: CLIENT.id,
  clientSecret: CLIENT.secret,
  scopes: 'openid profile email',
  roleClaim: 'roles',
  values: { admin: ['tempost-admins'], operator: ['tempost-operators'], viewer: ['staff', 'on call'] },
  consoleUrl: CONSOLE_URL,
});

export const ask = ({ api }: Pick<OpenId, 'api'>, path: string, headers: Record<string, string> = {}) =>
  fetch(`${api.url}${path}`, { headers, redirect: 'manual' });

/** Where an answer leads. */
export const leadsTo = (answer: Response) => answer.headers.get('Location') ?? '';

/** A cookie that an answer sets, with what is said of it. */
export const cookieNamed = (name: string, answer: Response) =>
  answer.headers.getSetCookie().find((words) => words.startsWith(`${name}=`)) ?? '';

/** Leaves for the identity provider. */
export async function leave(of: Pick<OpenId, 'api'>, returnTo = '/console/jobs') {
  const answer = await ask(of, `/api/session/open-id?return_to=${encodeURIComponent(returnTo)}`, LED);
  expect(answer.status).toBe(303);
  return { location: leadsTo(answer), words: cookieNamed('tempost_sign_in', answer) };
}

/** Comes back from it. */
export const comeBack = (of: Pick<OpenId, 'api'>, query: URLSearchParams | string, words: string) =>
  ask(of, `/api/session/open-id/callback?${query}`, { ...LED, Cookie: words.split(';')[0]! });

/** The whole way. */
export async function signIn(of: OpenId, script: IssuerScript = ADMIN, returnTo?: string) {
  of.issuer.script = script;
  const { location, words } = await leave(of, returnTo);
  return comeBack(of, of.issuer.signIn(location), words);
}

/** What a browser sends that was signed in by this answer. */
export const sessionOf = (answer: Response) => ({
  ...OURS,
  Cookie: cookieNamed('tempost_session', answer).split(';')[0]!,
});

export function isRefused(answer: Response, why: string): void {
  expect([answer.status, leadsTo(answer)]).toEqual([303, `/console/sign-in?problem=${why}`]);
  expect(cookieNamed('tempost_session', answer)).toBe('');
}

/** Somebody's rows among the keys. */
export const rowsOf = ({ api }: OpenId, subject: string) =>
  api.db
    .selectFrom('api_keys as k')
    .innerJoin('persons as p', 'p.key_id', 'k.id')
    .selectAll('k')
    .where('p.subject', '=', subject)
    .execute();

interface Told {
  readonly acts: readonly object[];
  readonly keys: readonly object[];
  readonly session: { readonly key_name: string };
}
/** What an answer says. */
export const told = async (answer: Response) => (await answer.json()) as Told;
