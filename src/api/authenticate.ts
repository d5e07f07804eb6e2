import type { Context, Middleware } from 'koa';
import { AddressBlocks } from '../address-blocks.js';
import type { Access } from '../domain/clients/access.js';
import { refusalOf } from '../domain/clients/access.js';
import { hashKey } from '../domain/clients/key-text.js';
import { type Client, findClientByKey, type KeyState, readKeyState } from '../domain/clients/keys.js';
import { clientAddress } from '../http/client-address.js';
import { Problem } from '../http/problem.js';
import type { Db } from '../postgres/database.js';
import type { Priority } from '../priority.js';
import type { Lane } from '../process/lane.js';
import { type Actor, actorOf } from './actor.js';
import type { LastUsed } from './last-used.js';
import type { Guesses } from './rate-limits/guesses.js';

/** What the middleware of one request tells the next. */
export interface ApiState {
  requestId: string;
  /** Set by `authenticate`. */
  client: Client;
  /** Set by `authenticate`: who does this, for whatever tells of it. */
  actor: Actor;
  /** Set by `authenticate`: authenticates once more, for a request that took its time. @throws Problem 401, 403. */
  confirm: () => Promise<void>;
  /** The e-mail the request is about, for the log. */
  emailId?: string;
  /** Set when the request was a submission that is committed, for the log. */
  accepted?: { readonly priority: Priority; readonly replayed: boolean };
  /** The answer's code when it is not a success, for the log. */
  problemCode?: string;
}

export type ApiMiddleware = Middleware<ApiState>;

/** The key that a request brings. */
export const keyIn = (ctx: Context): string | undefined =>
  /^Bearer +(\S+) *$/i.exec(ctx.get('Authorization'))?.[1] ?? undefined;

/** A key's hash, for what is remembered of keys in memory: never keys themselves. */
export const fingerprintOf = (key: string): string => hashKey(key).toString('base64');

interface AuthenticatorOptions {
  readonly db: Db;
  /**
   * Keys that were not right before are looked up through it, a few at once: whoever guesses from thousands of addresses
   * takes no connections from those whose keys are known.
   */
  readonly unknownKeys: Lane;
  readonly guesses: Guesses;
  readonly lastUsed: LastUsed;
  readonly trustedProxies: AddressBlocks;
}

/**
 * Lets a request pass with `Authorization: Bearer KEY` of a client that is not disabled, from where the key is taken.
 *
 * @throws Problem 401 without a valid key, 403 when its client is disabled or it comes from elsewhere, 429 for an
 *   address that has sent many wrong keys.
 */
export function authenticator({
  db,
  unknownKeys,
  guesses,
  lastUsed,
  trustedProxies,
}: AuthenticatorOptions): ApiMiddleware {
  return async (ctx, next) => {
    const key = keyIn(ctx);
    if (key === undefined) throw unauthorized(false);
    const fingerprint = fingerprintOf(key);
    const address = clientAddress(ctx.req, trustedProxies);
    const waitMs = guesses.waitMs(address, fingerprint);
    if (waitMs > 0) throw tooManyGuesses(waitMs);
    const find = () => findClientByKey(db, key);
    const client = await (guesses.wasRight(address, fingerprint) ? find() : unknownKeys.run(find));
    if (!client) {
      guesses.wrong(address, fingerprint);
      throw unauthorized(true);
    }
    const refusal = refusalOfClient(client, address);
    if (refusal) {
      guesses.refused(address, fingerprint);
      throw refusal;
    }
    guesses.right(address, fingerprint);
    lastUsed.note(client.keyId);
    ctx.state.client = client;
    ctx.state.actor = actorOf(client, address);
    ctx.state.confirm = async () => {
      const state = await readKeyState(db, client.keyId);
      if (state !== 'valid') throw problemOfKey(state);
    };
    await next();
  };
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
  state === 'disabled' ? clientDisabled() : unauthorized(true);

const clientDisabled = () => new Problem(403, 'client_disabled', 'This client has been disabled.');

const tooManyGuesses = (waitMs: number) =>
  new Problem(429, 'rate_limited', 'Too many requests with keys that are not taken came from this address.', {
    headers: { 'Retry-After': String(Math.ceil(waitMs / 1_000)) },
  });

function unauthorized(keyGiven: boolean): Problem {
  const challenge = `Bearer realm="tempost"${keyGiven ? ', error="invalid_token"' : ''}`;
  const detail = keyGiven ? 'This API key is not valid.' : 'An API key is needed: Authorization: Bearer KEY.';
  return new Problem(401, keyGiven ? 'invalid_api_key' : 'missing_api_key', detail, {
    headers: { 'WWW-Authenticate': challenge },
  });
}
