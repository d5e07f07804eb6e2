import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import Provider from 'oidc-provider';
import { CLIENT } from './scripted-issuer.js';

/** People, by what they sign in as, with their roles. Any password will do. */
export const PEOPLE: Readonly<Record<string, readonly string[]>> = {
  ada: ['tempost-admins'],
  vera: ['tempost-viewers'],
  nobody: ['something-else'],
};

/** A real identity provider, whose pages a browser can go through. @param consoleUrl where the console is. */
export async function startIdentityProvider(consoleUrl: string) {
  // Its address is part of what it is told.
  const server = createServer((request, response) => answer?.(request, response));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const provider = new Provider(url, {
    clients: [
      {
        client_id: CLIENT.id,
        client_secret: CLIENT.secret,
        redirect_uris: [`${consoleUrl}/api/session/open-id/callback`],
        token_endpoint_auth_method: 'client_secret_post',
      },
    ],
    claims: { openid: ['sub', 'roles'], profile: ['name'] },
    findAccount: (_ctx, sub) => ({
      accountId: sub,
      claims: () => ({ sub, roles: [...(PEOPLE[sub] ?? [])], name: `${sub} of the tests` }),
    }),
    cookies: { keys: ['for the tests alone'] },
    pkce: { required: () => true },
  });
  const answer = provider.callback();
  const stop = async () => {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  };
  return { url, stop };
}
