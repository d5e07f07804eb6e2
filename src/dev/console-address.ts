import type { Addresses } from './run-state.js';

const TIMEOUT_MS = 5_000;

/**
 * The address of the console that signs in once, as the owner of the run's key; the plain one when that key may not
 * make it, as one that was revoked.
 */
export async function consoleAddress({ api, apiKey }: Pick<Addresses, 'api' | 'apiKey'>): Promise<string> {
  const answer = await fetch(`${api}/api/session/links`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${apiKey}` },
    signal: AbortSignal.timeout(TIMEOUT_MS),
  }).catch(() => undefined);
  if (!answer?.ok) return `${api}/console`;
  const { path } = (await answer.json()) as { path: string };
  return `${api}${path}`;
}
