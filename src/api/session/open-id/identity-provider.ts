import type { Configuration } from 'openid-client';
import { sharedLook } from '../../../http/shared-look.js';
import type { OpenIdSettings } from '../../../open-id-settings.js';
import { boundedFetch } from './bounded-fetch.js';
import type { Claims } from './claims.js';

/** How long each request to the identity provider may take. */
const TIMEOUT_S = 8;
/**
 * How long its description is taken for true, where its endpoints are, and that it is there: nobody is led to a dead
 * address. Many who sign in at once cost it one look.
 */
const DESCRIPTION_MS = 5_000;
/** How long it is left alone when it could not be reached: whoever tries meanwhile is told so at once. */
const DOWN_MS = 3_000;

/** What a browser keeps while its owner signs in elsewhere. */
export interface SignIn {
  /** Comes back in the address: the answer is to what this browser asked (RFC 6749, 10.12). */
  readonly state: string;
  /** Comes back in the ID token: that was made for this sign-in. */
  readonly nonce: string;
  /** Shown for the code: nobody else can use it (RFC 7636). */
  readonly verifier: string;
}

/** Why nobody is signed in: it cannot be asked now, or what it says is not what was asked for. */
export class SignInFailure extends Error {
  override readonly name = 'SignInFailure';
  constructor(
    readonly kind: 'unavailable' | 'refused',
    /** For the log. */
    readonly code: string,
  ) {
    super(code);
  }
}

export interface IdentityProvider {
  /** Begins. @returns the address at which they sign in, and what their browser is to keep. @throws SignInFailure. */
  begin(): Promise<{ readonly address: string; readonly signIn: SignIn }>;
  /** @param query of the address that they came back to. @returns who they are. @throws SignInFailure. */
  finish(query: string, signIn: SignIn): Promise<Claims>;
}

/** The identity provider of the settings. Nothing is loaded, and nobody asked, before somebody signs in. */
export function createIdentityProvider(settings: OpenIdSettings): IdentityProvider {
  const redirectUri = `${settings.consoleUrl}/api/session/open-id/callback`;
  const describe = descriptionOf(settings);
  return {
    async begin() {
      const [client, config] = await describe();
      const verifier = client.randomPKCECodeVerifier();
      const signIn = { state: client.randomState(), nonce: client.randomNonce(), verifier };
      const { href } = client.buildAuthorizationUrl(config, {
        redirect_uri: redirectUri,
        scope: settings.scopes,
        ...{ state: signIn.state, nonce: signIn.nonce },
        code_challenge: await client.calculatePKCECodeChallenge(verifier),
        code_challenge_method: 'S256',
      });
      return { address: href, signIn };
    },
    async finish(query, { state, nonce, verifier }) {
      const [client, config] = await describe();
      try {
        const checks = { expectedState: state, expectedNonce: nonce, pkceCodeVerifier: verifier };
        const tokens = await client.authorizationCodeGrant(config, new URL(`${redirectUri}?${query}`), checks);
        const claims = tokens.claims()!;
        if (claims.sub.length > LONGEST_SUBJECT) throw new SignInFailure('refused', 'long_subject');
        // Many tell of groups and names there alone.
        const more = config.serverMetadata().userinfo_endpoint
          ? await client.fetchUserInfo(config, tokens.access_token, claims.sub)
          : {};
        return { ...more, ...claims };
      } catch (error) {
        throw failureOf(error);
      }
    },
  };
}

/** OpenID Connect Core, 2. */
const LONGEST_SUBJECT = 255;

type Described = readonly [client: typeof import('openid-client'), config: Configuration];

/** What the identity provider says of itself, as of a moment ago. */
function descriptionOf({ issuer, clientId, clientSecret }: OpenIdSettings): () => Promise<Described> {
  let known: { readonly described: Described; readonly until: number } | undefined;
  let downUntil = 0;
  const discover = sharedLook(async (): Promise<Described> => {
    const client = await import('openid-client');
    const { allowInsecureRequests, customFetch, enableNonRepudiationChecks } = client;
    // The settings let only this machine be reached by http.
    const execute = [enableNonRepudiationChecks, ...(issuer.startsWith('http:') ? [allowInsecureRequests] : [])];
    const options = { execute, timeout: TIMEOUT_S, [customFetch]: boundedFetch };
    const config = await client.discovery(new URL(issuer), clientId, clientSecret, undefined, options);
    // A description for many tenants has a name in braces where the tenant belongs, and any tenant would do.
    if (config.serverMetadata().issuer.includes('{')) throw new SignInFailure('unavailable', 'many_tenants');
    return [client, config];
  });
  return async () => {
    if (known && known.until > performance.now()) return known.described;
    if (downUntil > performance.now()) throw new SignInFailure('unavailable', 'just_tried');
    try {
      const described = await discover();
      known = { described, until: performance.now() + DESCRIPTION_MS };
      return described;
    } catch (error) {
      downUntil = performance.now() + DOWN_MS;
      throw error instanceof SignInFailure ? error : new SignInFailure('unavailable', codeOf(error));
    }
  };
}

function failureOf(error: unknown): SignInFailure {
  if (error instanceof SignInFailure) return error;
  const { cause, code } = error as { readonly cause?: unknown; readonly code?: unknown };
  const isDown =
    code === 'OAUTH_TIMEOUT' ||
    (error instanceof TypeError && error.message === 'fetch failed') ||
    (cause instanceof Response && cause.status >= 500);
  return new SignInFailure(isDown ? 'unavailable' : 'refused', codeOf(error));
}

/** What went wrong, in a word that is fit for a log: never a sentence of somebody else's. */
function codeOf(error: unknown): string {
  const { error: told, code, cause, name } = error as Record<'error' | 'code' | 'cause' | 'name', unknown>;
  const words = [told, (cause as { code?: unknown } | undefined)?.code, code, name];
  return String(words.find((word) => typeof word === 'string' && /^[\w.-]{1,64}$/.test(word)) ?? 'unknown');
}
