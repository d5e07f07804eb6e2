/** Between half and all of `firstMs` doubled with every try: clients that failed together do not come back together. */
export function backoffMs(attempts: number, firstMs: number, maxMs: number): number {
  const most = Math.min(maxMs, firstMs * 2 ** (attempts - 1));
  return most / 2 + (Math.random() * most) / 2;
}

/** What `Retry-After` says (RFC 9110, 10.2.3): seconds, or a moment. @returns milliseconds; undefined for neither. */
export function retryAfterMs(header: string | null): number | undefined {
  if (!header) return undefined;
  if (/^\d+$/.test(header)) return Number(header) * 1_000;
  const at = Date.parse(header);
  return Number.isNaN(at) ? undefined : Math.max(0, at - Date.now());
}

/** @throws the reason of the signal, as soon as it is given. */
export function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', stop);
      resolve();
    }, ms);
    if (signal?.aborted) stop();
    else signal?.addEventListener('abort', stop, { once: true });
  });
}
