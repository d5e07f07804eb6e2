import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { PlannedProcess } from '../plan.js';

/** What `npm run dev` says after a build: in which folders something has changed. */
export interface ReloadRequest {
  readonly reload: readonly ('src' | 'sandbox' | 'migrations')[];
}

interface ReloadOptions {
  readonly planned: readonly PlannedProcess[];
  readonly env: NodeJS.ProcessEnv;
  readonly restart: (names: readonly string[]) => Promise<void>;
  readonly say: (name: string, sentence: string) => void;
}

const MIGRATE = fileURLToPath(new URL('../../postgres/migrate-main.js', import.meta.url));

/**
 * Has the processes run what has just been built; the servers stay as they are. The sandbox knows nothing of the
 * product and the product nothing of it, so either is restarted without the other.
 *
 * A migration that fails is said, and then nothing is restarted: the processes before it go on.
 */
export async function reload({ reload: changed }: ReloadRequest, options: ReloadOptions): Promise<void> {
  const { planned, env, restart, say } = options;
  if (changed.includes('migrations')) {
    try {
      // In a process of its own, because this one keeps the modules it has loaded.
      const { stdout } = await promisify(execFile)(process.execPath, ['--enable-source-maps', MIGRATE], { env });
      say('postgres', stdout.trim());
    } catch (error) {
      const { stderr, message } = error as { stderr?: string; message: string };
      say('postgres', stderr?.trim() || message);
      return;
    }
  }
  const product = changed.includes('src') || changed.includes('migrations');
  const names = planned
    .map(({ name }) => name)
    .filter((name) => (name === 'sandbox' ? changed.includes('sandbox') : product));
  say('dev', `restarting ${names.join(', ')}`);
  await restart(names);
}

/**
 * Takes the requests of a parent that has opened a channel to us, one after the other, and answers each when it is
 * done. Without a channel none ever comes.
 */
export function reloadOnRequest(options: ReloadOptions): void {
  let last = Promise.resolve();
  process.on('message', (request: ReloadRequest) => {
    last = last
      .then(() => reload(request, options))
      .catch((error: Error) => options.say('dev', error.message))
      .then(() => void process.send?.('reloaded'));
  });
}
