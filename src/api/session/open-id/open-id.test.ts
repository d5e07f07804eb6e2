import { describe, expect, it } from 'vitest';
import { startTestApi } from '../../../../test/support/api.js';
import { insertClient } from '../../../../test/support/database.js';
import {
  ADMIN,
  ask,
  CONSOLE_URL,
  comeBack,
  cookieNamed,
  isRefused,
  LED,
  leadsTo,
  leave,
  OURS,
  rowsOf,
  sessionOf,
  settingsOf,
  signIn,
  told,
  withOpenId,
} from '../../../../test/support/operators/open-id.js';
import { answerOf } from '../../../../test/support/record.js';
import { CLIENT, type IssuerScript } from '../../../../test/support/servers/scripted-issuer.js';

const of = withOpenId();

describe('signing in at the identity provider', () => {
  it('leads there with a challenge, a state and a nonce, which the browser keeps where no script reads', async () => {
    const { location, words } = await leave(of);
    const { origin, searchParams } = new URL(location);
    expect(origin).toBe(of.issuer.url);
    expect(Object.fromEntries(searchParams)).toEqual({
      client_id: CLIENT.id,
      redirect_uri: `${CONSOLE_URL}/api/session/open-id/callback`,
      response_type: 'code',
      scope: 'openid profile email',
      code_challenge: expect.stringMatching(/^[\w-]{43}$/),
      code_challenge_method: 'S256',
      state: expect.stringMatching(/^[\w-]{43}$/),
      nonce: expect.stringMatching(/^[\w-]{43}$/),
    });
    expect(words).toMatch(/; Path=\/api\/session\/open-id; Max-Age=600; HttpOnly; SameSite=Lax; Secure$/);
  });

  it('signs in with the role of the claim, and the audit says who, of which issuer', async () => {
    const answer = await signIn(of);
    expect([answer.status, leadsTo(answer)]).toEqual([303, '/console/jobs']);
    expect(cookieNamed('tempost_session', answer)).toMatch(
      /; Path=\/api; Expires=[^;]+; HttpOnly; SameSite=Strict; Secure$/,
    );
    expect(cookieNamed('tempost_sign_in', answer)).toContain('Max-Age=0');
    const session = sessionOf(answer);
    const host = new URL(of.issuer.url).host;
    expect(await (await ask(of, '/api/session', session)).json()).toMatchObject({
      session: { client_name: host, key_name: 'Ada Lovelace', role: 'admin' },
      identity_provider: host,
    });
    const pause = await fetch(`${of.api.url}/api/admin/queues/low/pause`, {
      method: 'POST',
      headers: { ...session, 'Content-Type': 'application/json' },
      body: JSON.stringify({ reason: 'a test of the console' }),
    });
    expect(pause.status).toBe(200);
    const { acts } = await told(await of.api.get('/api/admin/audit?limit=2', of.operator.key));
    const who = { source: 'console', client_name: host, key_name: 'Ada Lovelace', role: 'admin' };
    expect(acts).toMatchObject([
      { action: 'queue.pause', ...who },
      { action: 'key.sign_in', ...who, target_kind: 'key', after: { role: 'admin' } },
    ]);
  });

  it('is one person however often they come, with the role that they have now', async () => {
    const first = sessionOf(await signIn(of, { claims: { sub: 'grace', roles: 'tempost-operators', name: 'Grace' } }));
    const second = await signIn(of, { claims: { sub: 'grace', roles: ['staff'], name: 'Grace Hopper' } });
    for (const session of [first, sessionOf(second)]) {
      expect(await (await ask(of, '/api/session', session)).json()).toMatchObject({
        session: { key_name: 'Grace Hopper', role: 'viewer' },
      });
    }
    const rows = await rowsOf(of, 'grace');
    expect(rows).toHaveLength(1);
    const { acts } = await told(await of.api.get(`/api/admin/audit?limit=1&target=${rows[0]!.id}`, of.operator.key));
    expect(acts).toMatchObject([{ before: { role: 'operator' }, after: { role: 'viewer' } }]);
  });

  it('makes one row of two first sign-ins at once', async () => {
    of.issuer.script = { claims: { sub: 'twins', roles: 'staff' } };
    const left = await Promise.all([leave(of), leave(of), leave(of)]);
    const answers = await Promise.all(
      left.map(({ location, words }) => comeBack(of, of.issuer.signIn(location), words)),
    );
    expect(answers.map(leadsTo)).toEqual(Array(3).fill('/console/jobs'));
    const rows = await rowsOf(of, 'twins');
    expect(rows).toHaveLength(1);
  });

  it.each([
    ['nothing', {}, null],
    ['a value that is none of ours', { roles: ['admin', 'tempost-admins2'] }, null],
    ['what is no text', { roles: [true, { admin: 1 }] }, null],
    ['one text, spaces and all', { roles: 'on call' }, 'viewer'],
    ['several: the highest counts', { roles: ['staff', 'tempost-operators', 'x'] }, 'operator'],
  ])('of a role claim that says %s', async (_, claims, role) => {
    const answer = await signIn(of, { claims: { sub: 'roles', ...claims } });
    if (role === null) return isRefused(answer, 'no_role');
    expect(await (await ask(of, '/api/session', sessionOf(answer))).json()).toMatchObject({ session: { role } });
  });

  it('takes roles and names that only its userinfo tells, and the ID token’s before them', async () => {
    const script = { claims: { sub: 'there', name: 'Of the token' }, userinfo: { roles: ['staff'], name: 'Other' } };
    const answer = await signIn(of, script);
    expect(await (await ask(of, '/api/session', sessionOf(answer))).json()).toMatchObject({
      session: { role: 'viewer', key_name: 'Of the token' },
    });
    isRefused(await signIn(of, { ...script, userinfo: { sub: 'somebody else', roles: ['staff'] } }), 'refused');
  });

  it('makes a name of one short line, whatever is in it', async () => {
    const name = `<img src=x onerror=alert(1)>\u0000\n${'x'.repeat(300)}`;
    const answer = await signIn(of, { claims: { sub: 'named', roles: 'staff', name } });
    const { session } = await told(await ask(of, '/api/session', sessionOf(answer)));
    expect(session.key_name).toMatch(/^<img src=x onerror=alert\(1\)> x{71}$/);
  });
});

describe('nobody is signed in', () => {
  it.each<[string, IssuerScript]>([
    ['another nonce', { claims: { nonce: 'of another sign-in' } }],
    ['no nonce', { claims: { nonce: undefined } }],
    ['another issuer', { claims: { iss: 'https://evil.example.com' } }],
    ['another audience', { claims: { aud: 'another client' } }],
    ['an end that has passed', { claims: { exp: 1_000_000_000 } }],
    ['another one’s signature', { forged: true }],
  ])('by an ID token with %s', async (_, script) => {
    isRefused(await signIn(of, { ...script, claims: { ...ADMIN.claims, ...script.claims } }), 'refused');
  });

  it('by an answer to another browser’s question: no code is exchanged for it', async () => {
    const [mine, theirs] = [await leave(of), await leave(of)];
    const before = of.issuer.exchanges;
    isRefused(await comeBack(of, of.issuer.signIn(theirs.location), mine.words), 'refused');
    isRefused(await comeBack(of, of.issuer.signIn(theirs.location), ''), 'refused');
    isRefused(await comeBack(of, of.issuer.signIn(theirs.location), 'tempost_sign_in=bm90aGluZw'), 'refused');
    expect(of.issuer.exchanges).toBe(before);
  });

  it('by a code that another verifier belongs to', async () => {
    const [mine, theirs] = [await leave(of), await leave(of)];
    const query = of.issuer.signIn(mine.location);
    query.set('code', of.issuer.signIn(theirs.location).get('code')!);
    isRefused(await comeBack(of, query, mine.words), 'refused');
  });

  it('by a code that was used', async () => {
    const { location, words } = await leave(of);
    const query = of.issuer.signIn(location);
    expect(leadsTo(await comeBack(of, query, words))).toBe('/console/jobs');
    isRefused(await comeBack(of, query, words), 'refused');
  });

  it('by an answer of another issuer than was asked', async () => {
    const { location, words } = await leave(of);
    const query = of.issuer.signIn(location);
    query.set('iss', 'https://evil.example.com');
    isRefused(await comeBack(of, query, words), 'refused');
    query.delete('iss');
    isRefused(await comeBack(of, query, words), 'refused');
  });

  it('who did not want to, there', async () => {
    const { location, words } = await leave(of);
    const state = new URL(location).searchParams.get('state')!;
    isRefused(
      await comeBack(of, new URLSearchParams({ error: 'access_denied', state, iss: of.issuer.url }), words),
      'refused',
    );
  });

  it('while the identity provider fails; keys sign in as ever', async () => {
    isRefused(await signIn(of, { ...ADMIN, status: 503 }), 'unavailable');
    const { location, words } = await leave(of);
    of.issuer.down = true;
    isRefused(await comeBack(of, of.issuer.signIn(location), words), 'unavailable');
    const fresh = await startTestApi({}, { openId: settingsOf(of.issuer) });
    try {
      isRefused(await ask({ api: fresh }, '/api/session/open-id', LED), 'unavailable');
      const { key } = await insertClient(fresh.db, { operator: true });
      const byKey = await fetch(`${fresh.url}/api/session`, {
        method: 'POST',
        headers: { ...OURS, 'Content-Type': 'application/json' },
        body: JSON.stringify({ key }),
      });
      expect(byKey.status).toBe(200);
    } finally {
      of.issuer.down = false;
      await fresh.stop();
    }
  });

  it('whose issuer’s client is disabled; enabling it undoes that', async () => {
    const session = sessionOf(await signIn(of));
    const setDisabled = (at: Date | null) =>
      of.api.db
        .updateTable('clients')
        .set({ disabled_at: at })
        .where('name', '=', new URL(of.issuer.url).host)
        .execute();
    await setDisabled(new Date());
    isRefused(await signIn(of), 'not_admitted');
    expect(await answerOf(await ask(of, '/api/admin/overview', session))).toEqual([403, 'client_disabled']);
    await setDisabled(null);
    expect(leadsTo(await signIn(of))).toBe('/console/jobs');
  });
});
