import { AsyncLocalStorage } from 'node:async_hooks';
import type * as Otel from '@opentelemetry/api';
import { releaseVersion } from '../version.js';
import { isTraceparent, readTraceparent, traceparentOf } from './traceparent.js';

/** The parts of an e-mail's life that take time, and the requests that change something. */
type SpanName = 'request' | 'dispatch' | 'send' | 'call' | 'reconcile' | 'upload' | 'delivery check' | 'webhook';

/** Ids, codes and numbers: never an address, a subject, or what a provider said. */
type Attributes = Readonly<Record<string, string | number | boolean | undefined>>;

interface SpanOptions {
  /** Whose trace it belongs to; left out within a span, whose child it is then. */
  readonly emailId?: string;
  /** Under which it is hung; left out or null: the one that is made from the e-mail's id. */
  readonly traceparent?: string | null;
  readonly kind?: 'server' | 'client' | 'producer' | 'consumer';
  readonly attributes?: Attributes;
  /** In milliseconds since 1970; left out: now. */
  readonly startedAtMs?: number;
}

interface Running {
  readonly api: typeof Otel;
  readonly tracer: Otel.Tracer;
}

const current = new AsyncLocalStorage<Otel.Span>();
let running: Running | undefined;

/** Spans that have not been exported when a process ends are given this long. */
const FLUSH_MS = 5_000;

/**
 * Begins to trace, once a process. Until then nothing of OpenTelemetry is loaded. Spans go to the collector at
 * `OTEL_EXPORTER_OTLP_ENDPOINT` in the background: one that is slow or away costs spans, and nothing else. The other
 * standard variables (`OTEL_EXPORTER_OTLP_HEADERS`, `OTEL_TRACES_SAMPLER`, …) are read by OpenTelemetry itself.
 *
 * @param service the process: `api`, `worker-low` …
 * @param onTrouble called when spans could not be exported.
 * @returns how to end it: exports what is left.
 */
export async function startTracing(service: string, onTrouble: () => void): Promise<() => Promise<void>> {
  const [api, sdk, { OTLPTraceExporter }, { resourceFromAttributes }] = await Promise.all([
    import('@opentelemetry/api'),
    import('@opentelemetry/sdk-trace-base'),
    import('@opentelemetry/exporter-trace-otlp-http'),
    import('@opentelemetry/resources'),
  ]);
  const quiet = () => undefined;
  api.diag.setLogger({ error: onTrouble, warn: quiet, info: quiet, debug: quiet, verbose: quiet });
  const provider = new sdk.BasicTracerProvider({
    resource: resourceFromAttributes({
      'service.name': process.env.OTEL_SERVICE_NAME ?? `tempost-${service}`,
      'service.version': releaseVersion(),
    }),
    spanProcessors: [new sdk.BatchSpanProcessor(new OTLPTraceExporter())],
  });
  running = { api, tracer: provider.getTracer('tempost') };
  return async () => {
    running = undefined;
    const late = new Promise<void>((resolve) => void setTimeout(resolve, FLUSH_MS).unref());
    await Promise.race([provider.shutdown().catch(onTrouble), late]);
  };
}

/** Whether spans are made. What only they need is read only then. */
export const isTracing = (): boolean => running !== undefined;

/**
 * Does something within a span; without tracing it just does it. What throws marks the span with the error's code, never
 * with its message.
 */
export async function inSpan<T>(name: SpanName, options: SpanOptions, work: () => Promise<T>): Promise<T> {
  if (!running) return work();
  const span = begin(running, name, options);
  try {
    return await current.run(span, work);
  } catch (error) {
    const { code, name: type } = error as { code?: unknown; name?: string };
    span.setStatus({ code: running?.api.SpanStatusCode.ERROR ?? 2 });
    span.setAttribute('error.type', typeof code === 'string' ? code : (type ?? 'Error'));
    throw error;
  } finally {
    span.end();
  }
}

function begin({ api, tracer }: Running, name: SpanName, options: SpanOptions): Otel.Span {
  const { emailId, traceparent, kind, attributes, startedAtMs } = options;
  const parent = isTraceparent(traceparent ?? undefined) ? traceparent : emailId && traceparentOf(emailId);
  const around = parent ? { ...readTraceparent(parent), isRemote: true } : current.getStore()?.spanContext();
  const context = around ? api.trace.setSpanContext(api.ROOT_CONTEXT, around) : api.ROOT_CONTEXT;
  return tracer.startSpan(
    name,
    {
      kind: kind && api.SpanKind[kind.toUpperCase() as keyof typeof api.SpanKind],
      attributes: { ...(emailId && { 'tempost.email_id': emailId }), ...attributes },
      startTime: startedAtMs,
    },
    context,
  );
}

/** Adds to the span that is open here, if any. */
export function noteOnSpan(attributes: Attributes): void {
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== undefined) current.getStore()?.setAttribute(name, value);
  }
}

/** The span that is open here, for what goes on elsewhere; undefined when none is. */
export function currentTraceparent(): string | undefined {
  const around = current.getStore()?.spanContext();
  if (!around) return undefined;
  return `00-${around.traceId}-${around.spanId}-${around.traceFlags.toString(16).padStart(2, '0')}`;
}

/** What a line of the log says of the span that it was written in. */
export function traceFields(): { trace_id?: string; span_id?: string } {
  const around = current.getStore()?.spanContext();
  return around ? { trace_id: around.traceId, span_id: around.spanId } : {};
}
