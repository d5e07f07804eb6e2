import { resolve } from 'node:path';
import { Tempost } from '../../client/index.js';
import { readAddresses } from '../dev/run-state.js';

/** The command line is not right: exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** What was waited for did not happen, and cannot any more: exit code 4. */
export class OtherEndError extends Error {
  override readonly name = 'OtherEndError';
}

const DEFAULT_URL = 'http://127.0.0.1:3000';

/** The API of one running system, with a key for it. */
export type Api = Tempost;

/**
 * The system that the environment names by `TEMPOST_URL` and `TEMPOST_API_KEY`; without them, the one that `npm start`
 * runs on this folder's data.
 *
 * @throws UsageError when there is no key, or what is given cannot be one.
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

function connect(url: string, apiKey: string): Api {
  if (!/^[\x21-\x7e]+$/.test(apiKey)) {
    throw new UsageError('TEMPOST_API_KEY cannot be a key: it holds a space, a line break or a letter beyond ASCII.');
  }
  if (!/^https?:/.test(url) || !URL.canParse(url)) throw new UsageError(`TEMPOST_URL is no address: ${url}`);
  return new Tempost({ url, apiKey, headers: { 'User-Agent': 'tempost-cli' } });
}
