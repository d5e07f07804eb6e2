// Apart from what loads Temporal's native part: the api loads that only when it needs it.

/** A server of our own that does not answer by then will not. */
const PATIENCE_MS = 2_000;

let exporter: string | undefined;

/** @param address where the SDK's core serves its metrics. */
export function exportSdkMetricsAt(address: string): void {
  exporter = address;
}

/**
 * What Temporal's SDK counts in this process, in Prometheus' text format: its core serves it on 127.0.0.1 only, and we
 * pass it on. Empty as long as nothing of Temporal's has been made here.
 */
export async function sampleSdk(): Promise<string> {
  if (exporter === undefined) return '';
  const controller = new AbortController();
  // Held here: fetch holds the signal weakly, and one of `AbortSignal.timeout` that is collected never fires.
  const timer = setTimeout(() => controller.abort(), PATIENCE_MS);
  try {
    const answer = await fetch(`http://${exporter}/metrics`, { signal: controller.signal });
    if (!answer.ok) throw new Error(`Temporal's SDK answered ${answer.status} for its metrics`);
    return await answer.text();
  } finally {
    clearTimeout(timer);
  }
}
