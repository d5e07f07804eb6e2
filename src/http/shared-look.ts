/**
 * One look for all who want to know at the same time: whoever asks a thousand times a second, without a key, costs the
 * database no more than one look after the other.
 *
 * @param look what is asked; its failure is everybody's.
 */
export function sharedLook<T>(look: () => Promise<T>): () => Promise<T> {
  let running: Promise<T> | undefined;
  return () => {
    running ??= look().finally(() => {
      running = undefined;
    });
    return running;
  };
}
