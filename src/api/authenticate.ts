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

/** Who may use a route: anyone, every valid key, an operator's key. */
export type Access = 'public' | 'client' | 'operator';

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
 * Lets a request pass whose key may use a route of this access; stands behind `authenticator`. The one place where that
 * is decided.
 *
 * @throws Problem 403 for any other key.
 */
export const authorise =
  (access: Exclude<Access, 'public'>): Middleware<ApiState> =>
  async (ctx, next) => {
    if (access === 'operator' && !ctx.state.client.operator) {
      throw new Problem(403, 'operator_only', 'Only an operator’s API key may do this.');
    }
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
