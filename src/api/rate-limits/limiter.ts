import type { Client } from '../../domain/clients/keys.js';
import type { RateKind } from '../../domain/clients/rates.js';
import { Problem } from '../../http/problem.js';
import type { Bucket, Leases, Standing } from './leases.js';

/** How many keys are remembered as out of tokens: those of clients that flood, of which there are few. */
const MOST_REFUSED = 10_000;
/** They are looked up again after this long at the latest: a limit that was raised is heeded, a key that ended is told. */
const LONGEST_REFUSAL_MS = 500;

type Headers = Readonly<Record<string, string>>;

/**
 * Limits how many requests a client and each of its keys make, over all api processes. A key that is out of requests is
 * refused before it is looked up until there are some again, so a flood costs the database next to nothing.
 */
export class RateLimiter {
  /** By key and kind: until when it is refused. */
  readonly #refused = new Map<string, { readonly untilMs: number; readonly client: Client }>();

  constructor(
    private readonly leases: Leases,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** Before a key is looked up. @param key its hash. @throws Problem 429 when it has just been out of requests. */
  refuseKnown(key: string, kind: RateKind): void {
    const refused = this.#refused.get(`${kind}/${key}`);
    if (!refused) return;
    if (this.now() < refused.untilMs) throw this.#rateLimited(refused.client, kind);
    this.#refused.delete(`${kind}/${key}`);
  }

  /**
   * Takes a request of the client and the key.
   *
   * @param key its hash.
   * @returns headers that say what is left; none for a client without limits.
   * @throws Problem 429 when there is none left.
   */
  async admit(client: Client, key: string, kind: RateKind): Promise<Headers> {
    const taken: Bucket[] = [];
    for (const bucket of bucketsOf(client, kind)) {
      if (await this.leases.take(bucket)) {
        taken.push(bucket);
        continue;
      }
      for (const other of taken) this.leases.giveBack(other);
      const { waitMs } = this.leases.standing(bucket);
      if (this.#refused.size >= MOST_REFUSED) this.#refused.clear();
      this.#refused.set(`${kind}/${key}`, { untilMs: this.now() + Math.min(waitMs, LONGEST_REFUSAL_MS), client });
      throw this.#rateLimited(client, kind);
    }
    return this.#headers(client, kind);
  }

  #rateLimited(client: Client, kind: RateKind): Problem {
    const standings = bucketsOf(client, kind).map((bucket) => this.leases.standing(bucket));
    const waitMs = Math.max(...standings.map((standing) => standing.waitMs));
    const detail = 'This client or its key makes more requests than it may. RateLimit-Policy says how many it may.';
    const retryAfter = { 'Retry-After': String(Math.max(1, Math.ceil(waitMs / 1_000))) };
    return new Problem(429, 'rate_limited', detail, { headers: { ...this.#headers(client, kind), ...retryAfter } });
  }

  #headers(client: Client, kind: RateKind): Headers {
    const buckets = bucketsOf(client, kind);
    if (buckets.length === 0) return {};
    return {
      'RateLimit-Policy': buckets.map((bucket) => policyOf(client, bucket)).join(', '),
      RateLimit: buckets.map((bucket) => standingOf(client, bucket, this.leases.standing(bucket))).join(', '),
    };
  }
}

/** The key's own before its client's, which others of its keys need as well. */
function bucketsOf(client: Client, kind: RateKind): Bucket[] {
  const [own, all] = [client.keyRates[kind], client.rates[kind]];
  return [
    ...(own ? [{ owner: client.keyId, kind, limit: own }] : []),
    ...(all ? [{ owner: client.id, kind, limit: all }] : []),
  ];
}

const nameOf = (client: Client, { owner, kind }: Bucket) => `${owner === client.keyId ? 'key' : 'client'}-${kind}`;

/**
 * As draft-ietf-httpapi-ratelimit-headers-10 writes it: so many requests (`q`) within so many seconds (`w`). For a token
 * bucket these are its burst, and the time in which it fills.
 */
function policyOf(client: Client, bucket: Bucket): string {
  const { rate, burst } = bucket.limit;
  return `"${nameOf(client, bucket)}";q=${burst};w=${Math.max(1, Math.ceil(burst / rate))}`;
}

/** So many requests are left (`r`), and all are back after so many seconds (`t`). */
function standingOf(client: Client, bucket: Bucket, { remaining, fullAfterMs }: Standing): string {
  return `"${nameOf(client, bucket)}";r=${remaining};t=${Math.ceil(fullAfterMs / 1_000)}`;
}
