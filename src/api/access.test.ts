import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sendForm, startTestApi, type TestApi } from '../../test/support/api.js';
import { insertClient, type TestClient } from '../../test/support/database.js';
import { insertDeadEmail } from '../../test/support/dead.js';
import { answerOf } from '../../test/support/record.js';
import { type Access, ROLES, type Role, SCOPES, type Scope } from '../domain/clients/access.js';
import { ROUTES } from './routes.js';
import type { Route } from './routing/route.js';

/**
 * What is expected of a route: the scope that a client's key needs (null: no client's key will do), the least role of
 * an operator's, and what a client's key with every scope is told about another client: `nothing` where it can name
 * none.
 */
type Expected = readonly [scope: Scope | null, role: Role, ofOthers: string];

/** Written by hand, beside what the routes say of themselves: who changes one of them has to think twice. */
const EXPECTED: Readonly<Record<string, Expected | 'public'>> = {
  sendEmail: ['send', 'admin', 'nothing'],
  getEmail: ['read', 'viewer', 'email_not_found'],
  getEmailContent: ['content', 'operator', 'email_not_found'],
  getEmailContentPage: ['content', 'operator', 'email_not_found'],
  getEmailAttachment: ['content', 'operator', 'email_not_found'],
  searchEmails: ['read', 'viewer', 'operator_only'],
  cancelEmail: ['send', 'operator', 'email_not_found'],
  rescheduleEmail: ['send', 'operator', 'email_not_found'],
  retryEmail: ['send', 'operator', 'email_not_found'],
  retryEmailNow: ['send', 'operator', 'email_not_found'],
  resendEmail: ['send', 'operator', 'email_not_found'],
  listDeadLetters: ['read', 'viewer', 'operator_only'],
  groupDeadLetters: ['read', 'viewer', 'nothing'],
  getDeadLetter: ['read', 'viewer', 'dead_letter_not_found'],
  retryDeadLetters: ['send', 'operator', 'operator_only'],
  retryDeadLetter: ['send', 'operator', 'dead_letter_not_found'],
  discardDeadLetter: ['send', 'operator', 'dead_letter_not_found'],
  listSuppressions: ['suppressions', 'viewer', 'operator_only'],
  addSuppression: ['suppressions', 'operator', 'operator_only'],
  removeSuppression: ['suppressions', 'operator', 'operator_only'],
  forgetPerson: [null, 'admin', 'operator_only'],
  exportPerson: [null, 'admin', 'operator_only'],
  listClients: [null, 'viewer', 'operator_only'],
  createClient: [null, 'admin', 'operator_only'],
  getClient: ['read', 'viewer', 'client_not_found'],
  changeClient: [null, 'admin', 'operator_only'],
  listKeys: ['admin', 'viewer', 'client_not_found'],
  createKey: ['admin', 'admin', 'client_not_found'],
  rotateKey: ['admin', 'admin', 'client_not_found'],
  revokeKey: ['admin', 'admin', 'client_not_found'],
  listSenders: ['read', 'viewer', 'client_not_found'],
  addSender: [null, 'admin', 'operator_only'],
  removeSender: [null, 'admin', 'operator_only'],
  getOverview: [null, 'viewer', 'operator_only'],
  getServiceLevels: [null, 'viewer', 'operator_only'],
  getScale: [null, 'viewer', 'operator_only'],
  listQueues: [null, 'viewer', 'operator_only'],
  pauseNothing: [null, 'operator', 'operator_only'],
  resumeNothing: [null, 'operator', 'operator_only'],
  pauseQueue: [null, 'operator', 'operator_only'],
  resumeQueue: [null, 'operator', 'operator_only'],
  listProviders: [null, 'viewer', 'operator_only'],
  changeProvider: [null, 'operator', 'operator_only'],
  listBuilds: [null, 'viewer', 'operator_only'],
  promoteBuild: [null, 'operator', 'operator_only'],
  rampBuild: [null, 'operator', 'operator_only'],
  rollBackBuild: [null, 'operator', 'operator_only'],
  unsetBuild: [null, 'operator', 'operator_only'],
  retireBuild: [null, 'operator', 'operator_only'],
  listHolds: [null, 'viewer', 'operator_only'],
  holdMail: [null, 'operator', 'operator_only'],
  releaseHold: [null, 'operator', 'operator_only'],
  beginJob: [null, 'operator', 'operator_only'],
  dropMonth: [null, 'admin', 'operator_only'],
  listJobs: [null, 'viewer', 'operator_only'],
  getJob: [null, 'viewer', 'operator_only'],
  listJobItems: [null, 'viewer', 'operator_only'],
  stopJob: [null, 'operator', 'operator_only'],
  resumeJob: [null, 'operator', 'operator_only'],
  listAudit: [null, 'viewer', 'operator_only'],
  watchOverview: [null, 'viewer', 'operator_only'],
  listUnmatchedWebhooks: [null, 'viewer', 'operator_only'],
  listSamples: [null, 'viewer', 'operator_only'],
  createSignInLink: [null, 'viewer', 'operator_only'],
  getSession: 'public',
  beginSession: 'public',
  endSession: 'public',
  beginOpenIdSignIn: 'public',
  finishOpenIdSignIn: 'public',
  getConsole: 'public',
  getConsoleScript: 'public',
  getConsoleFont: 'public',
  getConsoleStyle: 'public',
  getConsoleScreen: 'public',
  getConsoleItem: 'public',
  recordOpen: 'public',
  isAlive: 'public',
  isReady: 'public',
  getDescription: 'public',
  getReference: 'public',
};

/** Bodies without which a request would be refused before it says whom it concerns. */
const BODIES: Readonly<Record<string, object>> = {
  rescheduleEmail: { send_at: new Date(Date.now() + 3_600_000).toISOString() },
  addSuppression: { address: 'reader@example.org' },
};

interface Holder {
  readonly name: string;
  readonly key: string;
  readonly scopes: readonly Scope[];
  readonly role: Role | null;
}

let api: TestApi;
/** Whose things the requests concern. */
let owner: TestClient;
let ownersKeyId: string;
let emailId: string;
let holders: readonly Holder[];
let stranger: TestClient;

beforeAll(async () => {
  api = await startTestApi();
  owner = await insertClient(api.db);
  const keyOf = ({ id }: TestClient) =>
    api.db.selectFrom('api_keys').select('id').where('client_id', '=', id).executeTakeFirstOrThrow();
  ownersKeyId = (await keyOf(owner)).id;
  emailId = await insertDeadEmail(api.db, { clientId: owner.id });
  stranger = await insertClient(api.db, { keyColumns: { scopes: [...SCOPES] } });
  const ofScopes = SCOPES.map(async (scope): Promise<Holder> => {
    const { key } = await insertClient(api.db, { keyColumns: { scopes: [scope] } });
    return { name: `the scope ${scope}`, key, scopes: [scope], role: null };
  });
  const ofRoles = ROLES.map(async (role): Promise<Holder> => {
    const { key } = await insertClient(api.db, { operator: role === 'admin', keyColumns: { role, scopes: [] } });
    return { name: `the role ${role}`, key, scopes: [], role };
  });
  holders = await Promise.all([...ofScopes, ...ofRoles]);
});
afterAll(() => api.stop());

/** Asks for a route with what is the owner's in its path, query and body. */
function ask({ method, path, operationId, query }: Route, key?: string): Promise<Response> {
  const id = path.startsWith('/api/clients') ? owner.id : emailId;
  const others = { sender: 'example.com', address: 'reader@example.org', build: '1.2.0' };
  const values: Record<string, string> = { id, key: ownersKeyId, ...others };
  const filled = path.replaceAll(
    /\{(\w+)\}/g,
    (_, name) => values[name] ?? { priority: 'low', name: 'mailgun' }[name as 'name']!,
  );
  const names = (part: unknown) => Object.hasOwn((part as { shape?: object })?.shape ?? {}, 'client');
  const client = { client: owner.id };
  const search = query && names(query) ? `?${new URLSearchParams(client)}` : '';
  const body = {
    ...BODIES[operationId],
    ...(namesClient(operationId) && client),
    ...(operationId === 'beginSession' && { key: stranger.key }),
  };
  const headers = { ...(key && { Authorization: `Bearer ${key}` }), 'Content-Type': 'application/json' };
  const hasBody = method !== 'get' && method !== 'delete';
  return fetch(`${api.url}${filled}${search}`, {
    method: method.toUpperCase(),
    headers,
    body: hasBody ? JSON.stringify(body) : undefined,
  });
}

const namesClient = (operationId: string) => ['addSuppression', 'retryDeadLetters'].includes(operationId);

/** What a key has to be told; undefined when it may. */
function refusalFor(holder: Holder, [scope, role]: Expected): string | undefined {
  if (holder.role) return ROLES.indexOf(holder.role) < ROLES.indexOf(role) ? 'insufficient_role' : undefined;
  if (scope === null) return 'operator_only';
  return holder.scopes.includes(scope) ? undefined : 'insufficient_scope';
}

it('what is expected is said of every route, and of none that there is not', () => {
  expect(Object.keys(EXPECTED).sort()).toEqual(ROUTES.map(({ operationId }) => operationId).sort());
});

describe.each(ROUTES.map((route) => [route.operationId, route] as const))('%s', (operationId, route) => {
  const expected = EXPECTED[operationId]!;
  if (expected === 'public') {
    it('is for everybody', async () => {
      expect(route.access).toBe('public');
      const { status } = await ask(route);
      // There is no such file, and no identity provider, which everybody is told.
      if (/^(getConsole(Script|Style|Font)|(begin|finish)OpenIdSignIn)$/.test(operationId)) expect(status).toBe(404);
      else expect(status).toBeLessThan(300);
    });
    return;
  }

  it('is for nobody without a key', async () => {
    expect(await answerOf(await ask(route))).toEqual([401, 'missing_api_key']);
    expect(await answerOf(await ask(route, 'not-a-key-of-anybody'))).toEqual([401, 'invalid_api_key']);
  });

  it('tells a client’s key nothing of another client, and lets it change nothing', async () => {
    const before = await ownersThings();
    const response = await ask(route, stranger.key);
    const text = await response.text();
    if (expected[2] === 'nothing') {
      for (const secret of [owner.id, emailId, ownersKeyId]) expect(text).not.toContain(secret);
    } else {
      expect(JSON.parse(text)).toMatchObject({ code: expected[2] });
      expect([403, 404]).toContain(response.status);
    }
    expect(await ownersThings()).toEqual(before);
  });

  it('is for the scope and the roles that are expected, and for no others', async () => {
    expect(route.access).toEqual({ scope: expected[0], role: expected[1] } satisfies Access);
    for (const holder of holders) {
      const refusal = refusalFor(holder, expected);
      const response = await ask(route, holder.key);
      if (refusal) expect([holder.name, ...(await answerOf(response))]).toEqual([holder.name, 403, refusal]);
      else expect([holder.name, await passed(response)]).toEqual([holder.name, true]);
    }
  });
});

/** Whether a request was let in, whatever came of it; a client's may well be told that there is no such thing. */
async function passed(response: Response): Promise<boolean> {
  const text = await response.text();
  const { code } = (text && response.status >= 400 ? JSON.parse(text) : {}) as { code?: string };
  // Another client's things: it has come past the door.
  const inside = code === 'operator_only' && /see what is not its client’s/.test(text);
  return inside || (response.status !== 401 && response.status !== 403);
}

/** Everything of the owner's that a stranger could try to change. */
async function ownersThings() {
  const of = <T extends 'api_keys' | 'client_senders' | 'suppressions' | 'emails'>(table: T) =>
    api.db
      .selectFrom(table as 'suppressions')
      .selectAll()
      .where('client_id', '=', owner.id)
      .execute();
  const client = await api.db.selectFrom('clients').selectAll().where('id', '=', owner.id).execute();
  const dead = await api.db.selectFrom('dead_emails').selectAll().where('email_id', '=', emailId).execute();
  const things = [await of('api_keys'), await of('client_senders'), await of('suppressions'), await of('emails')];
  return [client, dead, ...things];
}

it('a key with the scope send sends, and an operator’s with the role admin', async () => {
  const status = async (key: string) => (await api.send(sendForm(), { Authorization: `Bearer ${key}` })).status;
  const sends = await Promise.all(holders.map(async ({ name, key }) => [name, await status(key)] as const));
  expect(Object.fromEntries(sends)).toMatchObject({
    'the scope send': 200,
    'the role admin': 200,
    'the role operator': 403,
  });
});
