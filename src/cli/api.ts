import { resolve } from 'node:path';
import { readAddresses } from '../dev/run-state.js';

/** The command line is not right: exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** The API said no: exit code 1. */
export class RefusedError extends Error {
  override readonly name = 'RefusedError';
}

/** No API answers at the address: exit code 3. */
export class UnreachableError extends Error {
  override readonly name = 'UnreachableError';
}

const DEFAULT_URL = 'http://127.0.0.1:3000';
/** Counting a queue of millions takes a while; anything longer is trouble. */
const TIMEOUT_MS = 60_000;

type Method = 'GET' | 'POST' | 'PATCH' | 'DELETE';

/** The API of one running system, with a key for it. */
export interface Api {
  /**
   * Makes one request.
   *
   * @returns the answer's JSON; undefined for an answer without a body.
   * @throws RefusedError, UnreachableError.
   */
  call<T>(method: Method, path: string, body?: object): Promise<T>;
}

/**
 * The system that the environment names by `TEMPOST_URL` and `TEMPOST_API_KEY`; without them, the one that `npm start`
 * runs on this folder's data.
 *
 * @throws UsageError when there is no key.
 */
export function findApi(env: NodeJS.ProcessEnv): Api {
  const named = env.TEMPOST_URL || undefined;
  if (env.TEMPOST_API_KEY) return connect(named ?? localSystem(env)?.api ?? DEFAULT_URL, env.TEMPOST_API_KEY);
  // The key of a local system is nobody else's business.
  const local = named ? undefined : localSystem(env);
  if (local) return connect(local.api, local.apiKey);
  throw new UsageError(
    'No API key. Set TEMPOST_API_KEY to an operator’s key (and TEMPOST_URL to the API’s address), or call this in the ' +
      'folder of a running "npm start".',
  );
}

const localSystem = (env: NodeJS.ProcessEnv) => readAddresses(resolve(env.DATA_DIR || '.data'));

function connect(url: string, key: string): Api {
  if (!/^[\x21-\x7e]+$/.test(key)) {
    throw new UsageError('TEMPOST_API_KEY cannot be a key: it holds a space, a line break or a letter beyond ASCII.');
  }
  const base = url.replace(/\/+$/, '');
  return {
    async call<T>(method: Method, path: string, body?: object) {
      const response = await request(`${base}${path}`, {
        method,
        headers: {
          Authorization: `Bearer ${key}`,
          'User-Agent': 'tempost-cli',
          ...(body && { 'Content-Type': 'application/json' }),
        },
        body: body && JSON.stringify(body),
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      const text = await response.text();
      if (!response.ok) throw new RefusedError(refusal(response.status, text));
      return (text === '' ? undefined : JSON.parse(text)) as T;
    },
  };
}

async function request(url: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(url, init);
  } catch (error) {
    const cause = (error as { cause?: { code?: string } }).cause?.code ?? (error as Error).name;
    throw new UnreachableError(`No answer from ${new URL(url).origin} (${cause}). Is the api running?`);
  }
}

/** What a problem says, in lines: its sentence, its code, every fault. */
function refusal(status: number, text: string): string {
  try {
    const { code, detail, errors } = JSON.parse(text) as Partial<{
      code: string;
      detail: string;
      errors: { field: string; message: string }[];
    }>;
    const faults = (errors ?? []).map(({ field, message }) => `  ${field}: ${message}`);
    return [`${detail ?? 'The request was refused.'} (${status}${code ? ` ${code}` : ''})`, ...faults].join('\n');
  } catch {
    return `The answer was ${status}. Is this the address of Tempost’s api?`;
  }
}
