import { NoAnswerError, ProblemError, type TempostError, UnexpectedAnswerError } from './errors.js';
import { backoffMs, retryAfterMs, sleep } from './waits.js';

export interface TempostOptions {
  /** The api's address: `https://tempost.example.com`. */
  readonly url: string;
  readonly apiKey: string;
  /** For one try; default: 60,000. A large attachment over a slow line needs more: the API allows two minutes. */
  readonly timeoutMs?: number;
  /** How often a request that may be repeated is made again after trouble; default: 3. */
  readonly retries?: number;
  /** The first pause before another try, doubled each time; default: 250. */
  readonly backoffMs?: number;
  /** The longest pause. What the API wants to be asked later than this is not waited for; default: 30,000. */
  readonly maxBackoffMs?: number;
  /** Of every request, such as a `User-Agent`; browsers keep theirs. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Default: the global one. */
  readonly fetch?: typeof globalThis.fetch;
}

/** For one request; what is not given is as the client has it. */
export interface RequestOptions extends Pick<TempostOptions, 'timeoutMs' | 'retries'> {
  /** Ends the request, and its pauses; its reason is thrown. */
  readonly signal?: AbortSignal;
}

/** One request, as often as it has to be made. */
export interface Exchange {
  readonly method: string;
  /** With its query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: FormData | string;
  /** Whether making it twice does what making it once does. */
  readonly repeatable: boolean;
  readonly idempotencyKey?: string;
}

type Read<T> = (response: Response) => Promise<T>;
type Failed = { readonly error: TempostError; readonly mayRepeat: boolean };

/** Makes requests, and repeats them when that helps and harms nobody. */
export class Transport {
  readonly #options: Required<TempostOptions>;
  readonly #origin: string;

  /** @throws TypeError for an address or a key that cannot be one. */
  constructor(options: TempostOptions) {
    if (!/^[\x21-\x7e]+$/.test(options.apiKey)) throw new TypeError('apiKey has to be printable ASCII without spaces.');
    this.#origin = new URL(options.url).origin;
    this.#options = {
      ...options,
      url: options.url.replace(/\/+$/, ''),
      timeoutMs: options.timeoutMs ?? 60_000,
      retries: options.retries ?? 3,
      backoffMs: options.backoffMs ?? 250,
      maxBackoffMs: options.maxBackoffMs ?? 30_000,
      headers: options.headers ?? {},
      fetch: options.fetch ?? globalThis.fetch,
    };
  }

  /** @throws ProblemError, UnexpectedAnswerError, NoAnswerError, and the reason of the signal. */
  async exchange<T>(exchange: Exchange, read: Read<T>, options: RequestOptions = {}): Promise<T> {
    const retries = options.retries ?? this.#options.retries;
    for (let attempts = 1; ; attempts++) {
      options.signal?.throwIfAborted();
      const result = await this.#once(exchange, read, options, attempts);
      if ('value' in result) return result.value;
      const pauseMs = this.#pauseMs(result, attempts);
      if (attempts > retries || pauseMs === undefined) throw result.error;
      await sleep(pauseMs, options.signal);
    }
  }

  /** How long to wait before another try; undefined when there is to be none. */
  #pauseMs({ error, mayRepeat }: Failed, attempts: number): number | undefined {
    if (!mayRepeat) return undefined;
    const wantedMs = error instanceof ProblemError ? (error.retryAfterMs ?? 0) : 0;
    if (wantedMs > this.#options.maxBackoffMs) return undefined;
    return Math.max(wantedMs, backoffMs(attempts, this.#options.backoffMs, this.#options.maxBackoffMs));
  }

  async #once<T>(exchange: Exchange, read: Read<T>, options: RequestOptions, attempts: number) {
    const { signal, timeoutMs = this.#options.timeoutMs } = options;
    const details = { attempts, idempotencyKey: exchange.idempotencyKey };
    const ending = new AbortController();
    const abort = () => ending.abort();
    signal?.addEventListener('abort', abort, { once: true });
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      abort();
    }, timeoutMs);
    try {
      const response = await this.#options.fetch.call(undefined, `${this.#options.url}${exchange.path}`, {
        method: exchange.method,
        headers: {
          ...this.#options.headers,
          Authorization: `Bearer ${this.#options.apiKey}`,
          ...exchange.headers,
        },
        body: exchange.body,
        signal: ending.signal,
      });
      if (response.ok) return { value: await read(response) };
      return await refused(response, exchange.repeatable, details);
    } catch (cause) {
      signal?.throwIfAborted();
      // A body that is not what was asked for: a proxy's page, given as a success.
      if (cause instanceof SyntaxError) return { error: new UnexpectedAnswerError(200, details), mayRepeat: false };
      const code = isLate ? 'timeout' : codeOf(cause);
      const error = new NoAnswerError(code, this.#origin, { ...details, cause });
      return { error, mayRepeat: exchange.repeatable };
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener('abort', abort);
    }
  }
}

function codeOf(error: unknown): string {
  const { cause, name } = error as { cause?: { code?: string }; name?: string };
  return cause?.code ?? name ?? 'unknown';
}

/** Refused before anything was done. */
const REFUSED_AT_ONCE: ReadonlySet<string> = new Set(['rate_limited']);
/** These pass; nothing else that is refused once is taken later. */
const PASSING: ReadonlySet<number> = new Set([408, 429, 500, 502, 503, 504]);

async function refused(
  response: Response,
  repeatable: boolean,
  details: ConstructorParameters<typeof UnexpectedAnswerError>[1],
): Promise<Failed> {
  const { status, headers } = response;
  const passes = PASSING.has(status);
  const problem = parseProblem(await response.text());
  if (!problem) return { error: new UnexpectedAnswerError(status, details), mayRepeat: repeatable && passes };
  const at = {
    requestId: headers.get('X-Request-Id') ?? undefined,
    retryAfterMs: retryAfterMs(headers.get('Retry-After')),
  };
  const error = new ProblemError({ ...problem, status }, at, details);
  const isInFlight = problem.code === 'idempotency_key_in_flight';
  return { error, mayRepeat: REFUSED_AT_ONCE.has(problem.code) || (repeatable && (passes || isInFlight)) };
}

function parseProblem(text: string) {
  try {
    const { code, detail, errors } = JSON.parse(text) as Partial<ProblemError>;
    if (typeof code !== 'string') return undefined;
    return { code, detail: detail ?? 'The request was refused.', errors: errors ?? [] };
  } catch {
    return undefined;
  }
}
