import { setTimeout as wait } from 'node:timers/promises';

/** Something that is to answer before the system counts as up. */
export interface Probe {
  readonly name: string;
  readonly url: string;
  /** Whether any answer will do, or only a success. */
  readonly anyAnswer?: boolean;
}

/**
 * Waits until every probe is content, and says at intervals which ones are missing: a process that dies again and
 * again is started again by its supervisor, so waiting never is in vain.
 *
 * @param onWaiting the names still missing, every `everyMs`.
 */
export async function allReady(
  probes: readonly Probe[],
  options: { signal: AbortSignal; everyMs: number; onWaiting: (names: string[]) => void },
): Promise<void> {
  let missing = [...probes];
  let sayAt = Date.now() + options.everyMs;
  while (missing.length > 0) {
    options.signal.throwIfAborted();
    const answers = await Promise.all(missing.map(isReady));
    missing = missing.filter((_, index) => !answers[index]);
    if (missing.length > 0 && Date.now() > sayAt) {
      options.onWaiting(missing.map((probe) => probe.name));
      sayAt = Date.now() + options.everyMs;
    }
    if (missing.length > 0) await wait(100);
  }
}

async function isReady({ url, anyAnswer }: Probe): Promise<boolean> {
  try {
    const answer = await fetch(url, { signal: AbortSignal.timeout(3_000) });
    await answer.arrayBuffer();
    return answer.ok || anyAnswer === true;
  } catch {
    return false;
  }
}
