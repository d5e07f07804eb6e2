import fc from 'fast-check';
import { sql } from 'kysely';
import { describe, expect, it } from 'vitest';
import { startTestApi } from '../../../../test/support/api.js';
import {
  ADMIN,
  ask,
  comeBack,
  LED,
  leadsTo,
  OURS,
  rowsOf,
  sessionOf,
  signIn,
  told,
  withOpenId,
} from '../../../../test/support/operators/open-id.js';
import { answerOf } from '../../../../test/support/record.js';
import { ownPath } from './sign-in-cookie.js';

const of = withOpenId();

describe('a person among the keys', () => {
  const row = async (subject: string) => {
    const found = (await rowsOf(of, subject)).find(({ revoked_at }) => revoked_at === null)!;
    return { ...found, path: `/api/clients/${found.client_id}/keys` };
  };

  it('is listed as one, and cannot be rotated to a key of their name', async () => {
    await signIn(of, { claims: { sub: 'listed', roles: 'staff', name: 'Listed' } });
    const { id, path } = await row('listed');
    const { keys } = await told(await of.api.get(path, of.operator.key));
    expect(keys).toContainEqual(
      expect.objectContaining({
        id,
        name: 'Listed',
        role: 'viewer',
        person: { issuer: of.issuer.url, subject: 'listed' },
      }),
    );
    expect(await answerOf(await of.api.post(`${path}/${id}/rotate`, {}, of.operator.key))).toEqual([409, 'not_a_key']);
  });

  it('is signed out by revoking it, and comes back as a new row while the identity provider gives a role', async () => {
    const script = { claims: { sub: 'revoked', roles: 'staff' } };
    const session = sessionOf(await signIn(of, script));
    const { id, path } = await row('revoked');
    const answer = await fetch(`${of.api.url}${path}/${id}`, {
      method: 'DELETE',
      headers: { Authorization: `Bearer ${of.operator.key}` },
    });
    expect(answer.status).toBe(204);
    expect(await answerOf(await ask(of, '/api/admin/overview', session))).toEqual([401, 'invalid_session']);
    expect((await ask(of, '/api/admin/overview', sessionOf(await signIn(of, script)))).status).toBe(200);
    expect((await row('revoked')).id).not.toBe(id);
  });

  it('ends with the longest session, and the next sign-in renews it', async () => {
    const script = { claims: { sub: 'later', roles: 'staff' } };
    const session = sessionOf(await signIn(of, script));
    const { id } = await row('later');
    await of.api.db.updateTable('api_keys').set({ expires_at: sql<Date>`now()` }).where('id', '=', id).execute();
    expect(await answerOf(await ask(of, '/api/admin/overview', session))).toEqual([401, 'invalid_session']);
    const renewed = sessionOf(await signIn(of, script));
    expect((await ask(of, '/api/admin/overview', renewed)).status).toBe(200);
    expect((await row('later')).id).toBe(id);
  });
});

/** What addresses are made of, and what has led elsewhere before. */
const PIECE = fc.constantFrom(
  '/',
  '//',
  '\\',
  '/console',
  '..',
  '%2e',
  '@',
  ':',
  'https:',
  'evil.example.com',
  '\t',
  '#',
  '?',
);

describe('where somebody is led after signing in', () => {
  it.each([
    ['https://evil.example.com/console', '/console'],
    ['//evil.example.com/console', '/console'],
    ['/\\evil.example.com/console', '/console'],
    ['\t//evil.example.com/console', '/console'],
    ['/console/../..//evil.example.com', '/console'],
    ['/console/%2e%2e//evil.example.com', '/console'],
    ['/console@evil.example.com', '/console'],
    ['javascript:alert(1)', '/console'],
    ['/api/session', '/console'],
    ['/console/find?q=a%40example.org#x', '/console/find?q=a%40example.org#x'],
  ])('%s: %s', async (returnTo, path) => {
    expect(leadsTo(await signIn(of, ADMIN, returnTo))).toBe(path);
  });

  it('is within the console, whatever is asked for', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.oneof(
            PIECE,
            fc.nat(0xffff).map((code) => String.fromCharCode(code)),
          ),
        ),
        (pieces) => {
          const text = pieces.join('');
          const { host, pathname } = new URL(ownPath(text), 'http://tempost.example.com');
          expect([host, /^\/console(\/|$)/.test(pathname)]).toEqual(['tempost.example.com', true]);
        },
      ),
    );
  });
});

it('is not there without an issuer, and nothing says that it is', async () => {
  const plain = await startTestApi();
  try {
    expect(await answerOf(await ask({ api: plain }, '/api/session/open-id', LED))).toEqual([404, 'not_found']);
    expect(await answerOf(await comeBack({ api: plain }, 'code=a&state=b', ''))).toEqual([404, 'not_found']);
    expect(await (await ask({ api: plain }, '/api/session', OURS)).json()).toEqual({
      session: null,
      identity_provider: null,
    });
  } finally {
    await plain.stop();
  }
});
