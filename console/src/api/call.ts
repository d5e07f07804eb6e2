import { OPERATIONS, type Operations } from '../../../client/generated/operations.js';

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
  const { method } = OPERATIONS[id];
  const { body, headers } = input as AnyInput;
  const timeout = AbortSignal.timeout(TIMEOUT_MS);
  let response: Response;
  try {
    response = await fetch(addressOf(id, input as AnyInput), {
      method,
      headers: {
        Accept: 'application/json',
        ...headers,
        ...(body && { 'Content-Type': 'application/json' }),
      } as HeadersInit,
      body: body && JSON.stringify(body),
      signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Unreachable();
  }
  if (response.status === 204) return undefined as AnswerOf<Id>;
  const answer: unknown = await response.json().catch(() => undefined);
  if (response.ok) return answer as AnswerOf<Id>;
  const problem = (answer ?? {}) as { code?: string; detail?: string; errors?: Refusal['faults'] };
  if (response.status === 401) window.dispatchEvent(new Event('tempost:signed-out'));
  throw new Refusal(
    response.status,
    problem.code ?? `http_${response.status}`,
    problem.detail ?? `The api answered ${response.status}.`,
    problem.errors ?? [],
  );
}
