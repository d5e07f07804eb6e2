import type { Middleware } from 'koa';
import { type Client, findClientByKey, type KeyState, readKeyState } from '../domain/clients/keys.js';
import { Problem } from '../http/problem.js';
import type { Db } from '../postgres/database.js';

/** What the middleware of one request tells the next. */
export interface ApiState {
  requestId: string;
  /** Set by `authenticate`. */
  client: Client;
  /** Set by `authenticate`: authenticates once more, for a request that took its time. @throws Problem 401, 403. */
  confirm: () => Promise<void>;
  /** The e-mail the request is about, for the log. */
  emailId?: string;
  /** The answer's code when it is not a success, for the log. */
  problemCode?: string;
}

export type Authenticate = Middleware<ApiState>;

/**
 * Lets a request pass with `Authorization: Bearer KEY` of a client that may submit.
 *
 * @throws Problem 401 without a valid key, 403 when its client is disabled.
 */
export function authenticator(db: Db): Authenticate {
  return async (ctx, next) => {
    const [, key] = /^Bearer +(\S+) *$/i.exec(ctx.get('Authorization')) ?? [];
    const client = key ? await findClientByKey(db, key) : undefined;
    if (!client) throw unauthorized(key !== undefined);
    if (client.disabled) throw clientDisabled();
    ctx.state.client = client;
    ctx.state.confirm = async () => {
      const state = await readKeyState(db, client.keyId);
      if (state !== 'valid') throw problemOfKey(state);
    };
    await next();
  };
}

/**
 * Lets an operator's request pass; stands behind `authenticator`.
 *
 * @throws Problem 403 for any other key.
 */
export const requireOperator: Middleware<ApiState> = async (ctx, next) => {
  if (!ctx.state.client.operator) throw new Problem(403, 'operator_only', 'Only an operator’s API key may do this.');
  await next();
};

/** What a request is told whose key has lost its right while it was read. */
export const problemOfKey = (state: Exclude<KeyState, 'valid'>): Problem =>
  state === 'disabled' ? clientDisabled() : unauthorized(true);

const clientDisabled = () => new Problem(403, 'client_disabled', 'This client has been disabled.');

function unauthorized(keyGiven: boolean): Problem {
  const challenge = `Bearer realm="tempost"${keyGiven ? ', error="invalid_token"' : ''}`;
  const detail = keyGiven ? 'This API key is not valid.' : 'An API key is needed: Authorization: Bearer KEY.';
  return new Problem(401, keyGiven ? 'invalid_api_key' : 'missing_api_key', detail, {
    headers: { 'WWW-Authenticate': challenge },
  });
}
