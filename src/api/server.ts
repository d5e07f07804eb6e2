import { createServer, type Server, STATUS_CODES } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Logger } from 'pino';
import type { Config } from '../config.js';
import { assertDurable, type Db, openDatabase } from '../db/database.js';
import { loadStatuses } from '../db/events.js';
import { ensureClientKey } from '../db/keys.js';
import { pendingMigrations } from '../db/migrate.js';
import { PROBLEM_TYPE, Problem, problemBody } from '../http/problem.js';
import { lazyTemporal } from '../lazy-temporal.js';
import type { Stop } from '../service.js';
import { createApp } from './app.js';
import { API_LIMITS, type ApiLimits } from './limits.js';
import { createNudger } from './nudger.js';

/** Connections for staging attachments: about what one disk can write at once. */
const UPLOAD_POOL_SIZE = 6;

/** The client that owns `BOOTSTRAP_API_KEY`. */
const BOOTSTRAP_CLIENT = 'bootstrap';

/** What the api reads of the configuration. */
export type ApiConfig = Pick<
  Config,
  'database' | 'temporal' | 'host' | 'apiPort' | 'bootstrapApiKey' | 'deadlineMs' | 'shutdownGraceMs' | 'providers'
>;

export interface RunningApi {
  readonly port: number;
  readonly stop: Stop;
}

/**
 * Starts the api: it serves from the moment this resolves. It contacts Temporal only to wake a workflow sooner, and
 * needs it for nothing.
 *
 * @throws when the database cannot be reached, is not durable or not migrated, or the port is taken.
 */
export async function startApi(config: ApiConfig, logger: Logger, limits: ApiLimits = API_LIMITS): Promise<RunningApi> {
  const { url, poolSize } = config.database;
  const db = openDatabase({ url, poolSize, name: 'api', logger });
  const uploads = openDatabase({ url, poolSize: UPLOAD_POOL_SIZE, name: 'api-uploads', logger });
  // Loaded when it is needed: most apis never wake a workflow, and Temporal's native part takes memory.
  const temporal = lazyTemporal(async () => (await import('../temporal.js')).connectTemporal(config));
  const nudger = createNudger(temporal, logger);
  const close = async () => {
    await nudger.stop();
    await Promise.all([db.destroy(), uploads.destroy()]);
  };
  try {
    await prepare(db, config.bootstrapApiKey);
    const catalogue = await loadStatuses(db);
    const { deadlineMs, providers } = config;
    const app = createApp({ db, uploads, catalogue, logger, deadlineMs, limits, providers, nudger });
    const server = createServer(
      {
        headersTimeout: limits.headersTimeoutMs,
        // Longer than load balancers keep theirs (60 s): whoever closes first must not be us, or a request gets lost.
        keepAliveTimeout: 75_000,
        // Behind our own time-outs, for what they do not see: bodies of requests that were answered early.
        requestTimeout: limits.uploadTimeoutMs + 10_000,
        connectionsCheckingInterval: 2_000,
      },
      app.callback(),
    );
    server.on('clientError', answerClientError);
    const port = await listen(server, config.apiPort, config.host);
    logger.info({ port }, 'listening');
    const stop = async () => {
      await closeServer(server, config.shutdownGraceMs);
      await close();
    };
    return { port, stop };
  } catch (error) {
    await close();
    throw error;
  }
}

async function prepare(db: Db, bootstrapApiKey: string | undefined): Promise<void> {
  await assertDurable(db);
  const pending = await pendingMigrations(db);
  if (pending.length > 0) {
    throw new Error(`The database is not migrated (missing: ${pending.join(', ')}). Run "npm run migrate" first.`);
  }
  if (bootstrapApiKey) await ensureClientKey(db, BOOTSTRAP_CLIENT, bootstrapApiKey);
}

function listen(server: Server, port: number, host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve((server.address() as AddressInfo).port);
    });
  });
}

/** Takes no new requests, lets running ones finish, and cuts them off after the grace. */
async function closeServer(server: Server, graceMs: number): Promise<void> {
  const cutOff = setTimeout(() => server.closeAllConnections(), graceMs);
  // A kept-alive connection may become idle only now; closing it at once is kinder than its time-out.
  const idle = setInterval(() => server.closeIdleConnections(), 100);
  await new Promise((resolve) => server.close(resolve));
  clearTimeout(cutOff);
  clearInterval(idle);
}

/** What Node refuses before there is a request, or in the midst of one, gets an answer of the same shape. */
function answerClientError(error: Error & { code?: string }, socket: Duplex): void {
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  const problem = problemOfClientError(error.code);
  const body = problemBody(problem);
  const head = [
    `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status]}`,
    `Content-Type: ${PROBLEM_TYPE}`,
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Connection: close',
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`, () => socket.destroy());
}

function problemOfClientError(code: string | undefined): Problem {
  switch (code) {
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return new Problem(408, 'request_timeout', 'The request did not arrive in time.');
    case 'HPE_HEADER_OVERFLOW':
      return new Problem(431, 'headers_too_large', 'The request has too many or too long headers.');
    case 'HPE_INVALID_EOF_STATE':
      return new Problem(400, 'incomplete_body', 'The body ended before it was complete.');
    default:
      return new Problem(400, 'malformed_request', 'This is not a well-formed HTTP request.');
  }
}
