import { createServer, type ServerResponse } from 'node:http';
import type { Logger } from 'pino';
import { exposeProcess, METRICS_TYPE } from './registry.js';

/** Further metrics in Prometheus' text format, such as those that are counted in the record. */
export type Sample = () => Promise<string>;

/** A scraper that takes longer than this to ask, or to read, is no scraper. */
const REQUEST_TIMEOUT_MS = 10_000;
/** Several Prometheus servers, a probe, and a person. */
const MAX_CONNECTIONS = 50;

/**
 * Answers `GET /metrics` for Prometheus, on a port that nothing else is on. A port that is taken costs the metrics of
 * this process, and nothing else: mail must not wait for a number.
 *
 * @param samples added to what the process counts. While one throws the answer is 503: half would look like the whole.
 * @returns how to end it; undefined when the port could not be listened on: the log says so.
 */
export async function serveMetrics(
  host: string,
  port: number,
  samples: readonly Sample[],
  logger: Pick<Logger, 'error'>,
): Promise<(() => Promise<void>) | undefined> {
  const server = createServer({ requestTimeout: REQUEST_TIMEOUT_MS }, (request, response) => {
    const isMetrics = request.url?.split('?', 1)[0] === '/metrics';
    if (!isMetrics) return void response.writeHead(404).end();
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      return void response.writeHead(405, { allow: 'GET, HEAD' }).end();
    }
    void answer(response, samples);
  });
  server.maxConnections = MAX_CONNECTIONS;
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, host, resolve);
    });
  } catch (error) {
    const { code } = error as { code?: string };
    logger.error({ port, code }, 'METRICS_PORT cannot be used: no metrics of this process');
    return undefined;
  }
  return () =>
    new Promise((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
}

async function answer(response: ServerResponse, samples: readonly Sample[]): Promise<void> {
  try {
    const texts = await Promise.all([exposeProcess(), ...samples.map((sample) => sample())]);
    response.writeHead(200, { 'content-type': METRICS_TYPE }).end(texts.join('\n'));
  } catch {
    response.writeHead(503).end();
  }
}

/**
 * Shares what is costly to count: whoever asks within `maxAgeMs` of the last count gets that one, and those who ask
 * while it is being counted wait for it. A failure is told to those who waited and is not kept.
 */
export function shared(count: Sample, maxAgeMs: number, now: () => number = () => performance.now()): Sample {
  let last: { readonly text: Promise<string>; readonly at: number } | undefined;
  return () => {
    if (last && now() - last.at < maxAgeMs) return last.text;
    const mine = { text: count(), at: now() };
    last = mine;
    mine.text.catch(() => {
      if (last === mine) last = undefined;
    });
    return mine.text;
  };
}
