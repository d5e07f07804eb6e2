import { createHash, createSign, generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';

/** How an identity provider that is not well behaved answers one sign-in. */
export interface IssuerScript {
  /** Claims of the ID token, beside or in the place of those that belong there. */
  readonly claims?: Readonly<Record<string, unknown>>;
  /** Claims that only its userinfo tells; the subject is the ID token's unless it is here. */
  readonly userinfo?: Readonly<Record<string, unknown>>;
  /** Signed by another key than it publishes. */
  readonly forged?: boolean;
  /** The token endpoint answers this status. */
  readonly status?: number;
}

export interface ScriptedIssuer {
  readonly url: string;
  /** How it answers from now on. */
  script: IssuerScript;
  /** As if it were down: every connection is cut. */
  down: boolean;
  /** Codes that were exchanged. */
  readonly exchanges: number;
  /** As its own page does when somebody has signed in. @param location where the browser was led. @returns the query to come back with. */
  signIn(location: string): URLSearchParams;
  stop(): Promise<void>;
}

export const CLIENT = { id: 'tempost', secret: 'the-secret-of-the-tests' } as const;

const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');

/** An identity provider that does what it is told: for what a real one never does. */
export async function startScriptedIssuer(): Promise<ScriptedIssuer> {
  const issuer = new Scripted();
  const server = createServer(async (request, response) => {
    if (issuer.down) return request.socket.destroy();
    const [status, body] = issuer.answer(request.url ?? '', await bodyOf(request));
    response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(body));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  issuer.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return Object.assign(issuer, {
    async stop() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  });
}

class Scripted {
  url = '';
  script: IssuerScript = {};
  down = false;
  exchanges = 0;
  readonly #own = generateKeyPairSync('rsa', { modulusLength: 2048 });
  readonly #other = generateKeyPairSync('rsa', { modulusLength: 2048 });
  /** What was asked for, by the code that answers it. */
  readonly #asked = new Map<string, URLSearchParams>();

  answer(path: string, body: string): [status: number, body: object] {
    switch (path) {
      case '/.well-known/openid-configuration':
        return [200, this.#description()];
      case '/keys': {
        const key = this.#own.publicKey.export({ format: 'jwk' });
        return [200, { keys: [{ ...key, kid: 'own', alg: 'RS256', use: 'sig' }] }];
      }
      case '/token':
        return this.#exchange(new URLSearchParams(body));
      case '/userinfo':
        return [200, { sub: this.script.claims?.sub ?? 'ada', ...this.script.userinfo }];
      default:
        return [404, {}];
    }
  }

  signIn(location: string): URLSearchParams {
    const query = new URL(location).searchParams;
    const code = `code-${query.get('state')}`;
    this.#asked.set(code, query);
    return new URLSearchParams({ code, state: query.get('state')!, iss: this.url });
  }

  #description() {
    return {
      issuer: this.url,
      authorization_endpoint: `${this.url}/authorize`,
      token_endpoint: `${this.url}/token`,
      userinfo_endpoint: `${this.url}/userinfo`,
      jwks_uri: `${this.url}/keys`,
      response_types_supported: ['code'],
      subject_types_supported: ['public'],
      id_token_signing_alg_values_supported: ['RS256'],
      authorization_response_iss_parameter_supported: true,
    };
  }

  #exchange(form: URLSearchParams): [number, object] {
    this.exchanges++;
    if (this.script.status) return [this.script.status, { error: 'server_error' }];
    const code = form.get('code') ?? '';
    const query = this.#asked.get(code);
    const challenge = createHash('sha256')
      .update(form.get('code_verifier') ?? '')
      .digest('base64url');
    if (query?.get('code_challenge') !== challenge) return [400, { error: 'invalid_grant' }];
    this.#asked.delete(code);
    return [200, { access_token: 'opaque', token_type: 'bearer', expires_in: 60, id_token: this.#token(query) }];
  }

  #token(query: URLSearchParams): string {
    const now = Math.floor(Date.now() / 1_000);
    const times = { iat: now, exp: now + 60 };
    const nonce = query.get('nonce');
    const claims = { iss: this.url, sub: 'ada', aud: CLIENT.id, ...times, nonce, ...this.script.claims };
    const text = `${encode({ alg: 'RS256', kid: 'own' })}.${encode(claims)}`;
    const { privateKey } = this.script.forged ? this.#other : this.#own;
    return `${text}.${createSign('RSA-SHA256').update(text).sign(privateKey).toString('base64url')}`;
  }
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const pieces: Buffer[] = [];
  for await (const piece of request) pieces.push(piece);
  return Buffer.concat(pieces).toString();
}
