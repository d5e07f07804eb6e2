/**
 * Shares what is costly to count: whoever asks within `maxAgeMs` of the last count gets that one, and those who ask
 * while it is being counted wait for it. A failure is told to those who waited and is not kept.
 */
export function shared<T>(
  count: () => Promise<T>,
  maxAgeMs: number,
  now: () => number = () => performance.now(),
): () => Promise<T> {
  let last: { readonly counted: Promise<T>; readonly at: number } | undefined;
  return () => {
    if (last && now() - last.at < maxAgeMs) return last.counted;
    const mine = { counted: count(), at: now() };
    last = mine;
    mine.counted.catch(() => {
      if (last === mine) last = undefined;
    });
    return mine.counted;
  };
}
