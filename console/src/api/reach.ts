import { useSyncExternalStore } from 'react';

/** Whether the api answers: told by whatever asks it, shown by the shell. */
let reached = true;
const listeners = new Set<() => void>();

export function tellReached(answers: boolean): void {
  if (answers === reached) return;
  reached = answers;
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export const useReached = (): boolean => useSyncExternalStore(subscribe, () => reached);

// A browser that has lost its network says so at once. That it is back is believed when the api has answered.
window.addEventListener('offline', () => tellReached(false));
