import { createServer, type ServerResponse } from 'node:http';
import type { Logger } from 'pino';
import type { Health, Verdict } from '../health.js';
import { exposeProcess, METRICS_TYPE } from './registry.js';

/** Further metrics in Prometheus' text format, such as those that are counted in the record. */
export type Sample = () => Promise<string>;

/** What is answered to `GET`, as JSON, by path. While it rejects the answer is 503. */
export type Pages = ReadonlyMap<string, () => Promise<unknown>>;

interface Monitored {
  readonly health: Health;
  /** Added to what the process counts. While one throws the answer is 503: half would look like the whole. */
  readonly samples: readonly Sample[];
  readonly pages: Pages;
}

/** A scraper that takes longer than this to ask, or to read, is no scraper. */
const REQUEST_TIMEOUT_MS = 10_000;
/** Several Prometheus servers, probes, and a person. */
const MAX_CONNECTIONS = 50;

interface Answer {
  readonly status: number;
  readonly type?: string;
  readonly body?: string;
}

/**
 * Answers whoever watches a process, on a port that nothing else is on: `GET /healthz` (whether it lives), `GET /readyz`
 * (whether it can do its work), `GET /metrics` for Prometheus, and the process's own pages. Nobody needs a key there: the
 * port is not for the public. A port that is taken costs these answers, and nothing else: mail must not wait for a number.
 *
 * @returns how to end it; undefined when the port could not be listened on: the log says so.
 */
export async function serveMonitoring(
  host: string,
  port: number,
  monitored: Monitored,
  logger: Pick<Logger, 'error'>,
): Promise<(() => Promise<void>) | undefined> {
  const server = createServer({ requestTimeout: REQUEST_TIMEOUT_MS }, (request, response) => {
    const find = answerTo(request.url?.split('?', 1)[0] ?? '', monitored);
    if (!find) return void response.writeHead(404).end();
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      return void response.writeHead(405, { allow: 'GET, HEAD' }).end();
    }
    void find().then(
      (answer) => write(response, answer),
      () => write(response, { status: 503 }),
    );
  });
  server.maxConnections = MAX_CONNECTIONS;
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, host, resolve);
    });
  } catch (error) {
    const { code } = error as { code?: string };
    logger.error({ port, code }, 'METRICS_PORT cannot be used: neither metrics nor health of this process');
    return undefined;
  }
  return () =>
    new Promise((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
}

/** @returns undefined where nothing is. */
function answerTo(path: string, { health, samples, pages }: Monitored): (() => Promise<Answer>) | undefined {
  switch (path) {
    case '/healthz':
      return () => health.isAlive().then(ofVerdict);
    case '/readyz':
      return () => health.isReady().then(ofVerdict);
    case '/metrics':
      return async () => {
        const texts = await Promise.all([exposeProcess(), ...samples.map((sample) => sample())]);
        return { status: 200, type: METRICS_TYPE, body: texts.join('\n') };
      };
    default: {
      const page = pages.get(path);
      return page && (() => page().then((body) => json(200, body)));
    }
  }
}

const json = (status: number, body: unknown): Answer => ({
  status,
  type: 'application/json',
  body: `${JSON.stringify(body)}\n`,
});

const ofVerdict = ({ well, body }: Verdict) => json(well ? 200 : 503, body);

function write(response: ServerResponse, { status, type, body }: Answer): void {
  response.writeHead(status, { ...(type && { 'content-type': type }), 'cache-control': 'no-store' }).end(body);
}
