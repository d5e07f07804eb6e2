import { createServer } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { comeBack, isRefused, leadsTo, signIn, withOpenId } from '../../../../test/support/operators/open-id.js';
import { listen } from '../../../http/server.js';
import { faultsOfOpenId } from '../../../open-id-settings.js';
import { boundedFetch } from './bounded-fetch.js';

const of = withOpenId();

/** A sign-in that was never begun, as anybody can write it. */
const madeUp = { state: 'mine', nonce: 'n', verifier: 'v'.repeat(43), returnTo: '/console' };
const cookie = `tempost_sign_in=${Buffer.from(JSON.stringify(madeUp)).toString('base64url')}`;
const guess = () => comeBack(of, new URLSearchParams({ state: 'mine', code: 'c', iss: of.issuer.url }), cookie);

describe('strangers', () => {
  it('belong to a client that may send as nobody, and has the rates of any other', async () => {
    await signIn(of, { claims: { sub: 'first', roles: 'staff' } });
    const client = await of.api.db
      .selectFrom('clients')
      .select(['any_sender', 'read_rate'])
      .where('name', '=', new URL(of.issuer.url).host)
      .executeTakeFirst();
    expect(client).toEqual({ any_sender: false, read_rate: 50 });
  });

  it('are nobody whose subject is longer than the standard lets it be', async () => {
    isRefused(await signIn(of, { claims: { sub: 's'.repeat(256), roles: 'staff' } }), 'refused');
  });

  it('who make up sign-ins have the issuer asked a hundred times at once, and then once a second', async () => {
    const before = of.issuer.exchanges;
    const begun = performance.now();
    let last = '';
    while (!last.endsWith('=busy')) {
      const answers = await Promise.all(Array.from({ length: 8 }, guess));
      last = leadsTo(answers.at(-1)!);
      for (const answer of answers) expect(leadsTo(answer)).toMatch(/=(refused|busy)$/);
    }
    const seconds = (performance.now() - begun) / 1_000;
    expect(of.issuer.exchanges - before).toBeLessThanOrEqual(100 + 8 + Math.ceil(seconds));
  });
});

describe('an issuer', () => {
  it.each(['common', 'organizations', 'consumers'])('of everybody’s tenants is refused: %s', (name) => {
    const env = { OIDC_CLIENT_ID: 'a', OIDC_CLIENT_SECRET: 'b', CONSOLE_URL: 'https://example.com', OIDC_ADMINS: 'x' };
    const faults = (tenant: string) =>
      faultsOfOpenId({ ...env, OIDC_ISSUER: `https://login.microsoftonline.com/${tenant}/v2.0` });
    expect(faults(name)).toEqual([expect.stringMatching(/^OIDC_ISSUER: .*tenant/)]);
    expect(faults('6f1ed002-ab5a-4b2d-9d2a-0f3e5e8c9f10')).toEqual([]);
  });
});

describe('what an issuer answers', () => {
  const server = createServer((request, response) => {
    const chunk = Buffer.alloc(64 * 1024, 'a');
    if (request.url === '/small') return void response.end('{"a":1}');
    // For ever, until nobody reads.
    const more = () => {
      while (!response.destroyed && response.write(chunk));
    };
    response.on('drain', more);
    more();
  });
  let url: string;
  beforeAll(async () => {
    url = `http://127.0.0.1:${await listen(server, 0, '127.0.0.1')}`;
  });
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });
  const options = { method: 'GET', headers: {}, body: undefined, redirect: 'manual' } as const;

  it('is read up to a megabyte', async () => {
    expect(await (await boundedFetch(`${url}/small`, options)).json()).toEqual({ a: 1 });
    await expect(boundedFetch(`${url}/endless`, options)).rejects.toMatchObject({ code: 'answer_too_large' });
  });
});
