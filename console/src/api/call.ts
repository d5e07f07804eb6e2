import { OPERATIONS, type Operations } from '../../../client/generated/operations.js';
import { tellReached } from './reach.js';

export type OperationId = keyof Operations;
export type InputOf<Id extends OperationId> = Operations[Id]['input'];
export type AnswerOf<Id extends OperationId> = Operations[Id]['answer'];

/** The api has refused; `detail` is for people. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  constructor(
    readonly status: number,
    readonly code: string,
    readonly detail: string,
    readonly faults: readonly { readonly field: string; readonly message: string }[],
  ) {
    super(code);
  }
}

/** The api cannot be reached. */
export class Unreachable extends Error {
  override readonly name = 'Unreachable';
}

interface AnyInput {
  readonly headers?: Readonly<Record<string, string | undefined>>;
  readonly params?: Readonly<Record<string, unknown>>;
  readonly query?: Readonly<Record<string, unknown>>;
  readonly body?: object;
}

const TIMEOUT_MS = 30_000;

/** The address of an operation. */
export function addressOf(id: OperationId, { params = {}, query = {} }: AnyInput): string {
  const path = OPERATIONS[id].path.replaceAll(/\{(\w+)\}/g, (_, name: string) =>
    encodeURIComponent(String(params[name])),
  );
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    for (const each of Array.isArray(value) ? value : [value]) {
      if (each !== undefined && each !== null && each !== '') search.append(name, String(each));
    }
  }
  return search.size > 0 ? `${path}?${search}` : path;
}

/** Sends a request. @throws Unreachable. */
async function request(id: OperationId, input: AnyInput, signal: AbortSignal): Promise<Response> {
  const { body, headers } = input;
  try {
    const response = await fetch(addressOf(id, input), {
      method: OPERATIONS[id].method,
      headers: {
        Accept: 'application/json',
        ...headers,
        ...(body && { 'Content-Type': 'application/json' }),
      } as HeadersInit,
      body: body && JSON.stringify(body),
      signal,
    });
    tellReached(true);
    return response;
  } catch (error) {
    if (signal.aborted && (signal.reason as Error).name !== 'TimeoutError') throw error;
    tellReached(false);
    throw new Unreachable();
  }
}

/** What the api says when it refuses. */
async function refusalOf(response: Response): Promise<Refusal> {
  const answer: unknown = await response.json().catch(() => undefined);
  const problem = (answer ?? {}) as { code?: string; detail?: string; errors?: Refusal['faults'] };
  if (response.status === 401) window.dispatchEvent(new Event('tempost:signed-out'));
  return new Refusal(
    response.status,
    problem.code ?? `http_${response.status}`,
    problem.detail ?? `The api answered ${response.status}.`,
    problem.errors ?? [],
  );
}

/**
 * Asks the api, as whoever is signed in.
 *
 * @throws Refusal, Unreachable.
 */
export async function call<Id extends OperationId>(
  id: Id,
  input: InputOf<Id>,
  signal?: AbortSignal,
): Promise<AnswerOf<Id>> {
  const timeout = AbortSignal.timeout(TIMEOUT_MS);
  const response = await request(id, input as AnyInput, signal ? AbortSignal.any([signal, timeout]) : timeout);
  if (response.status === 204) return undefined as AnswerOf<Id>;
  if (!response.ok) throw await refusalOf(response);
  return (await response.json().catch(() => undefined)) as AnswerOf<Id>;
}

const DOWNLOAD_MS = 30 * 60_000;

/** Asks the api for a file, and has the browser keep it under a name. @throws Refusal, Unreachable. */
export async function download<Id extends OperationId>(id: Id, input: InputOf<Id>, filename: string): Promise<void> {
  const response = await request(id, input as AnyInput, AbortSignal.timeout(DOWNLOAD_MS));
  if (!response.ok) throw await refusalOf(response);
  const blob = await response.blob().catch(() => {
    // It broke off: half of it is not handed out for the whole.
    throw new Unreachable();
  });
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = filename;
  link.click();
  URL.revokeObjectURL(link.href);
}
