import { freePorts } from '../ports.js';
import type { ProcessName } from '../stack.js';

/** A `METRICS_PORT` for each process of a stack that serves one. */
export interface MetricsPorts {
  readonly envOf: Partial<Record<ProcessName, { readonly METRICS_PORT: string }>>;
  /** Asks a process there; undefined when nobody answers. */
  ask(name: ProcessName, path: string): Promise<Response | undefined>;
}

const NAMES = ['api', 'webhooks', 'dispatcher', 'worker-critical', 'worker-medium', 'worker-low'] as const;
/** Nobody who watches would wait longer. */
const PATIENCE_MS = 5_000;

export async function metricsPorts(): Promise<MetricsPorts> {
  const ports = await freePorts(NAMES.length);
  const portOf = new Map<ProcessName, number>(NAMES.map((name, index) => [name, ports[index]!]));
  return {
    envOf: Object.fromEntries(NAMES.map((name) => [name, { METRICS_PORT: String(portOf.get(name)) }])),
    ask: (name, path) => askWithin(PATIENCE_MS, `http://127.0.0.1:${portOf.get(name)}${path}`),
  };
}

/** `AbortSignal.timeout` will not do: fetch holds it weakly, and one that is collected never fires. */
async function askWithin(ms: number, url: string): Promise<Response | undefined> {
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(), ms);
  try {
    return await fetch(url, { signal: controller.signal });
  } catch {
    return undefined;
  } finally {
    clearTimeout(timer);
  }
}
