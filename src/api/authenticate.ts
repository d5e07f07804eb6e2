import type { Context, Middleware } from 'koa';
import { AddressBlocks } from '../address-blocks.js';
import type { Access } from '../domain/clients/access.js';
import { refusalOf } from '../domain/clients/access.js';
import { type Client, findClientByKey, type KeyState, readKeyState } from '../domain/clients/keys.js';
import { takeLink } from '../domain/sessions/links.js';
import { findClientBySession } from '../domain/sessions/sessions.js';
import { clientAddress } from '../http/client-address.js';
import { Problem } from '../http/problem.js';
import type { Db } from '../postgres/database.js';
import type { Priority } from '../priority.js';
import type { Lane } from '../process/lane.js';
import { type Actor, actorOf } from './actor.js';
import type { KnownKeys } from './known-keys.js';
import type { LastUsed } from './last-used.js';
import type { Guesses } from './rate-limits/guesses.js';
import { type Credential, credentialIn, fingerprintOf, refuseOtherSites } from './session/credential.js';

/** What the middleware of one request tells the next. */
export interface ApiState {
  requestId: string;
  /** Set by `authenticate`. */
  client: Client;
  /** Set by `authenticate`: who does this, for whatever tells of it. */
  actor: Actor;
  /** Set by `authenticate`: whether it is a browser that is signed in. */
  bySession: boolean;
  /** Set by `authenticate`: authenticates once more, for a request that took its time. @throws Problem 401, 403. */
  confirm: () => Promise<void>;
  /** The e-mail the request is about, for the log. */
  emailId?: string;
  /** Of a submission, once it was read. */
  priority?: Priority;
  /** Set when the request was a submission that is committed, for the log. */
  accepted?: { readonly priority: Priority; readonly replayed: boolean };
  /** The answer's code when it is not a success, for the log. */
  problemCode?: string;
}

export type ApiMiddleware = Middleware<ApiState>;

interface AuthenticatorOptions {
  readonly db: Db;
  /**
   * Keys that were not right before are looked up through it, a few at once: whoever guesses from thousands of addresses
   * takes no connections from those whose keys are known.
   */
  readonly unknownKeys: Lane;
  readonly guesses: Guesses;
  readonly lastUsed: LastUsed;
  readonly knownKeys: KnownKeys;
  readonly trustedProxies: AddressBlocks;
}

/** Whose credential it is; undefined when it is nobody's. */
type Find = (text: string) => Promise<Client | undefined>;

/** Finds out who shows a credential, and from which address. @throws Problem 401, 403, 429. */
export type Identify = (
  ctx: Context,
  credential: Credential,
  options?: IdentifyOptions,
) => Promise<{ client: Client; address: string }>;

interface IdentifyOptions {
  /** What was found a moment ago will do: whether the key is valid still is asked where the request takes effect. */
  readonly asRemembered: boolean;
}

/**
 * Knows a client that is not disabled by a key, from where the key is taken, or by a session that such a key has begun.
 *
 * @throws Problem 401 without a valid one, 403 when its client is disabled or it comes from elsewhere, 429 for an
 *   address that has sent many wrong ones.
 */
export function identifier(options: AuthenticatorOptions): Identify {
  const { db, unknownKeys, guesses, lastUsed, knownKeys, trustedProxies } = options;
  const finds: Readonly<Record<Credential['kind'], Find>> = {
    key: (text) => findClientByKey(db, text),
    session: (text) => findClientBySession(db, text),
    link: (text) => takeLink(db, text),
  };
  return async (ctx, credential, { asRemembered } = { asRemembered: false }) => {
    const fingerprint = fingerprintOf(credential);
    const address = clientAddress(ctx.req, trustedProxies);
    const waitMs = guesses.waitMs(address, fingerprint);
    if (waitMs > 0) throw tooManyGuesses(waitMs);
    const find = () => finds[credential.kind](credential.text);
    const remembered = asRemembered ? knownKeys.recall(fingerprint) : undefined;
    const client = remembered ?? (await (guesses.wasRight(address, fingerprint) ? find() : unknownKeys.run(find)));
    if (!client) {
      knownKeys.forget(fingerprint);
      guesses.wrong(address, fingerprint);
      throw unauthorized(NOBODYS[credential.kind]);
    }
    const refusal = refusalOfClient(client, address);
    if (refusal) {
      guesses.refused(address, fingerprint);
      throw refusal;
    }
    guesses.right(address, fingerprint);
    if (credential.kind === 'key' && !remembered) knownKeys.remember(fingerprint, client);
    lastUsed.note(client.keyId);
    return { client, address };
  };
}

/**
 * Lets a request pass that shows who makes it, by a key or by a session.
 *
 * @throws Problem 401, 403, 429.
 */
export function authenticator(db: Db, identify: Identify, options?: IdentifyOptions): ApiMiddleware {
  return async (ctx, next) => {
    const credential = credentialIn(ctx);
    if (!credential) throw unauthorized('missing_api_key');
    if (credential.kind === 'session') refuseOtherSites(ctx);
    const { client, address } = await identify(ctx, credential, options);
    ctx.state.client = client;
    ctx.state.actor = actorOf(client, address);
    ctx.state.bySession = credential.kind === 'session';
    ctx.state.confirm = () => confirm(db, credential, client.keyId);
    await next();
  };
}

/** @throws Problem 401, 403 when what was shown opens nothing any more. */
async function confirm(db: Db, { kind, text }: Credential, keyId: string): Promise<void> {
  if (kind === 'session') {
    const client = await findClientBySession(db, text);
    if (!client) throw unauthorized('invalid_session');
    if (client.disabled) throw clientDisabled();
    return;
  }
  const state = await readKeyState(db, keyId);
  if (state !== 'valid') throw problemOfKey(state);
}

/** Why a key that is somebody's is not taken. */
function refusalOfClient({ disabled, allowedAddresses }: Client, address: string): Problem | undefined {
  if (disabled) return clientDisabled();
  if (allowedAddresses.length === 0 || new AddressBlocks(allowedAddresses).includes(address)) return undefined;
  return new Problem(403, 'address_not_allowed', 'This API key is not taken from the address you come from.');
}

/**
 * Lets a request pass whose key may use a route of this access; stands behind `authenticator`. The one place where that
 * is decided.
 *
 * @throws Problem 403 for any other key.
 */
export const authorise =
  (access: Access): ApiMiddleware =>
  async (ctx, next) => {
    const refusal = refusalOf(ctx.state.client, access);
    if (refusal === 'operator_only') throw new Problem(403, refusal, 'Only an operator’s API key may do this.');
    if (refusal === 'insufficient_role') {
      throw new Problem(403, refusal, `This needs an operator’s API key with the role ${access.role}.`);
    }
    if (refusal === 'insufficient_scope') {
      const challenge = `Bearer realm="tempost", error="insufficient_scope", scope="${access.scope}"`;
      throw new Problem(403, refusal, `This needs an API key with the scope ${access.scope}.`, {
        headers: { 'WWW-Authenticate': challenge },
      });
    }
    await next();
  };

/** What a request is told whose key has lost its right while it was read. */
export const problemOfKey = (state: Exclude<KeyState, 'valid'>): Problem =>
  state === 'disabled' ? clientDisabled() : unauthorized('invalid_api_key');

const clientDisabled = () => new Problem(403, 'client_disabled', 'This client has been disabled.');

const tooManyGuesses = (waitMs: number) =>
  new Problem(429, 'rate_limited', 'Too many requests with keys that are not taken came from this address.', {
    headers: { 'Retry-After': String(Math.ceil(waitMs / 1_000)) },
  });

/** What is said of a credential that is nobody's, or nobody's any more. */
const NOBODYS = { key: 'invalid_api_key', session: 'invalid_session', link: 'invalid_link' } as const;

const UNAUTHORIZED = {
  missing_api_key: 'An API key is needed: Authorization: Bearer KEY.',
  invalid_api_key: 'This API key is not valid.',
  invalid_session: 'This session is over. Sign in again.',
  invalid_link: 'This address was used, or is too old. Make a new one.',
};

function unauthorized(code: keyof typeof UNAUTHORIZED): Problem {
  const challenge = `Bearer realm="tempost"${code === 'missing_api_key' ? '' : ', error="invalid_token"'}`;
  return new Problem(401, code, UNAUTHORIZED[code], { headers: { 'WWW-Authenticate': challenge } });
}
