import { OPERATIONS, type Operations } from './generated/operations.js';
import type { Acceptance, Email } from './generated/schemas.js';
import { formOf, type Submission } from './submission.js';
import { type Exchange, type RequestOptions, type TempostOptions, Transport } from './transport.js';
import { sleep } from './waits.js';

export type OperationId = keyof Operations;
/** What an operation takes. */
export type InputOf<Id extends OperationId> = Operations[Id]['input'];
/** What an operation answers. */
export type AnswerOf<Id extends OperationId> = Operations[Id]['answer'];

/** Operations that answer a page of a list. */
export type ListId = {
  [Id in OperationId]: AnswerOf<Id> extends { readonly next_cursor: string | null } ? Id : never;
}[OperationId];
type Lists<Page> = { [Name in keyof Page]: Page[Name] extends readonly (infer Item)[] ? Item : never };
/** What a list holds. */
export type ItemOf<Id extends ListId> = Lists<AnswerOf<Id>>[keyof AnswerOf<Id>];
type QueryOf<Id extends ListId> = InputOf<Id> extends { readonly query?: infer Query } ? NonNullable<Query> : never;

export interface SendOptions extends RequestOptions {
  /** Default: one of its own for each call. One that names what the e-mail is about also holds after a crash. */
  readonly idempotencyKey?: string;
}

export interface FollowOptions extends RequestOptions {
  /** Ends with this status or event. It also ends when nothing more is to come but opens and clicks. */
  readonly until?: string;
  /** How often is asked; default: 1,000. */
  readonly intervalMs?: number;
}

/** Parts of a request, as any operation may have them. */
interface AnyInput {
  readonly params?: Readonly<Record<string, unknown>>;
  readonly query?: Readonly<Record<string, unknown>>;
  readonly headers?: Readonly<Record<string, string | undefined>>;
  readonly body?: object;
  readonly form?: FormData;
}

/** With these an e-mail has come to its end, but for opens, clicks and complaints. */
const ENDS: ReadonlySet<string> = new Set([
  ...['delivered', 'opened', 'clicked'],
  ...['failed', 'bounced', 'complained', 'suppressed', 'cancelled', 'dead'],
]);

/**
 * Tempost's API.
 *
 * @example
 * const tempost = new Tempost({ url: 'https://tempost.example.com', apiKey });
 * const { id } = await tempost.send({ sender, receiver, subject, content });
 */
export class Tempost {
  readonly #transport: Transport;

  /** The api's address, without a slash at its end. */
  readonly url: string;

  /** @throws TypeError for an address or a key that cannot be one. */
  constructor(options: TempostOptions) {
    this.url = options.url.replace(/\/+$/, '');
    this.#transport = new Transport(options);
  }

  /**
   * Submits an e-mail. Once this resolves it is committed. It is repeated after trouble, under the same idempotency key,
   * and accepted once.
   *
   * @throws ProblemError; NoAnswerError, after which it may have been accepted: send again with the error's key;
   *   TypeError for a tag with a comma.
   */
  async send(submission: Submission, { idempotencyKey, ...options }: SendOptions = {}): Promise<Acceptance> {
    const headers = { 'Idempotency-Key': idempotencyKey };
    return this.#request('sendEmail', { headers, form: formOf(submission) }, options);
  }

  /** An e-mail: its state, its events, every attempt. @throws ProblemError. */
  get(id: string, options?: RequestOptions): Promise<Email> {
    return this.request('getEmail', { params: { id } }, options);
  }

  /** Cancels an e-mail that no provider has. @throws ProblemError `too_late`. */
  cancel(id: string, options?: RequestOptions): Promise<Email> {
    return this.request('cancelEmail', { params: { id } }, options);
  }

  /** Gives a scheduled e-mail another time. @throws ProblemError. */
  reschedule(id: string, at: Date | string, options?: RequestOptions): Promise<Email> {
    const send_at = at instanceof Date ? at.toISOString() : at;
    return this.request('rescheduleEmail', { params: { id }, body: { send_at } }, options);
  }

  /** Sends the same again, as a new e-mail; repeated and keyed as `send`. @throws ProblemError, NoAnswerError. */
  resend(id: string, { idempotencyKey, ...options }: SendOptions = {}): Promise<Acceptance> {
    const headers = { 'Idempotency-Key': idempotencyKey };
    return this.#request('resendEmail', { params: { id }, headers }, options);
  }

  /** An e-mail now, and whenever it has changed, until its end or a state. @throws ProblemError, NoAnswerError. */
  async *follow(
    id: string,
    { until, intervalMs = 1_000, ...options }: FollowOptions = {},
  ): AsyncGenerator<Email, void> {
    for (let last = ''; ; await sleep(intervalMs, options.signal)) {
      const email = await this.get(id, options);
      const now = JSON.stringify(email);
      if (now !== last) yield email;
      last = now;
      const isThere = email.status === until || email.events.some(({ type }) => type === until);
      if (isThere || (ENDS.has(email.status) && (until === undefined || !mayStillCome(email, until)))) return;
    }
  }

  /** Everything on a list, page by page as it is asked for. @throws ProblemError. */
  async *list<Id extends ListId>(
    id: Id,
    query: QueryOf<Id>,
    options?: RequestOptions,
  ): AsyncGenerator<ItemOf<Id>, void> {
    for (let cursor: string | undefined; ; ) {
      const page = (await this.#request(id, { query: { ...query, cursor } }, options)) as object;
      const { next_cursor, ...lists } = page as { readonly next_cursor: string | null };
      const items = Object.values(lists).find(Array.isArray) as readonly ItemOf<Id>[];
      yield* items;
      if (next_cursor === null) return;
      cursor = next_cursor;
    }
  }

  /** Any operation, by its id in the description. @throws ProblemError, UnexpectedAnswerError, NoAnswerError. */
  request<Id extends OperationId>(id: Id, input: InputOf<Id>, options?: RequestOptions): Promise<AnswerOf<Id>> {
    const { form, ...rest } = input as AnyInput & { readonly form?: Submission };
    return this.#request(id, { ...rest, form: form && formOf(form) }, options);
  }

  /** A request that the description of this release does not know: a method, a path with its query, a JSON body. */
  call<T>(method: string, path: string, body?: object, options?: RequestOptions): Promise<T> {
    const exchange = { method, path, ...jsonOf(body), repeatable: method === 'GET' };
    return this.#transport.exchange(exchange, readJson, options) as Promise<T>;
  }

  #request<Id extends OperationId>(id: Id, input: AnyInput, options?: RequestOptions): Promise<AnswerOf<Id>> {
    const { method, path, answer, keyed } = OPERATIONS[id];
    const idempotencyKey = keyed ? (input.headers?.['Idempotency-Key'] ?? newKey()) : undefined;
    const { headers, body } = input.form ? { headers: {}, body: input.form } : jsonOf(input.body);
    const exchange: Exchange = {
      method,
      path: `${fill(path, input.params)}${queryOf(input.query)}`,
      headers: { ...headers, ...(idempotencyKey && { 'Idempotency-Key': idempotencyKey }) },
      body,
      repeatable: method === 'GET' || keyed,
      idempotencyKey,
    };
    const read = answer === 'bytes' ? (response: Response) => response.blob() : readJson;
    return this.#transport.exchange(exchange, read, options) as Promise<AnswerOf<Id>>;
  }
}

/** Whether a state that was waited for can still follow: what arrived can be opened and complained about. */
function mayStillCome({ status }: Email, until: string): boolean {
  const arrived = ['delivered', 'opened', 'clicked'].includes(status);
  return arrived && ['opened', 'clicked', 'complained', 'bounced'].includes(until);
}

const readJson = async (response: Response): Promise<unknown> => {
  const text = await response.text();
  return text === '' ? undefined : JSON.parse(text);
};

function jsonOf(body: object | undefined): Pick<Exchange, 'headers' | 'body'> {
  if (!body) return { headers: {}, body: undefined };
  return { headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) };
}

const fill = (path: string, params: AnyInput['params']) =>
  path.replaceAll(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(String(params?.[name])));

/** What is given; a list several times. */
function queryOf(query: AnyInput['query'] = {}): string {
  const pairs = Object.entries(query)
    .filter(([, value]) => value !== undefined)
    .flatMap(([name, value]) => [value].flat().map((each): [string, string] => [name, String(each)]));
  return pairs.length > 0 ? `?${new URLSearchParams(pairs)}` : '';
}

/** 128 random bits. Not `randomUUID`, which browsers have on pages from https alone. */
const newKey = () =>
  [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, '0')).join('');
