import type { Context } from 'koa';
import type { Logger } from 'pino';
import { AddressBlocks } from '../address-blocks.js';
import type { Access } from '../domain/clients/access.js';
import { markUsed } from '../domain/clients/keys.js';
import { takeTokens } from '../domain/clients/rate-buckets.js';
import type { RateKind } from '../domain/clients/rates.js';
import { clientAddress } from '../http/client-address.js';
import type { Db } from '../postgres/database.js';
import { createLane } from '../process/lane.js';
import { type ApiMiddleware, authenticator, authorise, type Identify, identifier } from './authenticate.js';
import { KnownKeys } from './known-keys.js';
import { LastUsed } from './last-used.js';
import { Guesses } from './rate-limits/guesses.js';
import { Leases } from './rate-limits/leases.js';
import { RateLimiter } from './rate-limits/limiter.js';
import { credentialIn, fingerprintOf } from './session/credential.js';

/** Of the connections of a process; a look takes a millisecond. */
const UNKNOWN_KEYS_AT_ONCE = 4;

interface GateOptions {
  readonly db: Db;
  readonly logger: Logger;
  /** Addresses and CIDR blocks of proxies whose `X-Forwarded-For` is believed. */
  readonly trustedProxies: readonly string[];
}

/** What every request that needs a key comes through, and what one process remembers of those that came. */
export class Gate {
  readonly #leases: Leases;
  readonly #limiter: RateLimiter;
  readonly #lastUsed: LastUsed;
  readonly #knownKeys = new KnownKeys();
  readonly #authenticate: ApiMiddleware;
  /** For requests that ask once more when they take effect. */
  readonly #authenticateAsRemembered: ApiMiddleware;
  /** For whoever signs in: the same door as for everybody. */
  readonly identify: Identify;
  /** The IP address that a request comes from, as far as trusted proxies say it. */
  readonly addressOf: (ctx: Context) => string;

  constructor({ db, logger, trustedProxies: proxies }: GateOptions) {
    const trustedProxies = new AddressBlocks(proxies);
    this.addressOf = ({ req }) => clientAddress(req, trustedProxies);
    this.#leases = new Leases((asks) => takeTokens(db, asks));
    this.#limiter = new RateLimiter(this.#leases);
    this.#lastUsed = new LastUsed((keyIds) => markUsed(db, keyIds), logger);
    this.identify = identifier({
      // As many wait as there are connections.
      unknownKeys: createLane(UNKNOWN_KEYS_AT_ONCE),
      db,
      guesses: new Guesses(),
      lastUsed: this.#lastUsed,
      knownKeys: this.#knownKeys,
      trustedProxies,
    });
    this.#authenticate = authenticator(db, this.identify);
    this.#authenticateAsRemembered = authenticator(db, this.identify, { asRemembered: true });
  }

  /**
   * Who comes past these may do what a route of this access does.
   *
   * @param confirmsKey see `Route`.
   */
  guards(access: Access, confirmsKey = false): ApiMiddleware[] {
    const kind = access.scope === 'send' ? 'send' : 'read';
    const authenticate = confirmsKey ? [this.#forgetRefused, this.#authenticateAsRemembered] : [this.#authenticate];
    return [this.#refuseFlood(kind), ...authenticate, this.#limitRate(kind), authorise(access)];
  }

  /** Gives back and writes down what it holds. */
  async stop(): Promise<void> {
    await Promise.all([this.#leases.stop(), this.#lastUsed.stop()]);
  }

  /** A key that has just been out of requests is not even looked up. @throws Problem 429. */
  #refuseFlood(kind: RateKind): ApiMiddleware {
    return async (ctx, next) => {
      const credential = credentialIn(ctx);
      if (credential) this.#limiter.refuseKnown(fingerprintOf(credential), kind);
      await next();
    };
  }

  /** After a refusal, which can be for what the key has become, it is looked up again. */
  readonly #forgetRefused: ApiMiddleware = async (ctx, next) => {
    try {
      await next();
    } catch (error) {
      const credential = credentialIn(ctx);
      if (credential) this.#knownKeys.forget(fingerprintOf(credential));
      throw error;
    }
  };

  /** @throws Problem 429 for a client or a key that makes more requests than it may. */
  #limitRate(kind: RateKind): ApiMiddleware {
    return async (ctx, next) => {
      const credential = credentialIn(ctx)!;
      ctx.set(await this.#limiter.admit(ctx.state.client, fingerprintOf(credential), kind));
      await next();
    };
  }
}
