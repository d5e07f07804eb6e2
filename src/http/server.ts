import { createServer as createHttpServer, type RequestListener, type Server, STATUS_CODES } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { boundConnections } from './connections.js';
import { PROBLEM_TYPE, Problem, problemBody } from './problem.js';
import { type AnswerLimits, cutOffUnread } from './unread.js';

/** How long one request may take to arrive, and how many connections there may be. */
interface ServerLimits extends AnswerLimits {
  /** From the connection to the end of the headers. */
  readonly headersMs: number;
  /** From the connection to the end of the body: behind the time-outs of whoever reads it, for what they do not see. */
  readonly requestMs: number;
  /** See `boundConnections`. */
  readonly connections: number;
}

/** An HTTP server whose refusals have the shape of every other answer, and on which slow senders hold nothing for long. */
export function createServer(limits: ServerLimits, listener: RequestListener): Server {
  const server = createHttpServer(
    {
      headersTimeout: limits.headersMs,
      // Longer than load balancers keep theirs (60 s): whoever closes first must not be us, or a request gets lost.
      keepAliveTimeout: 75_000,
      requestTimeout: limits.requestMs,
      connectionsCheckingInterval: 2_000,
    },
    listener,
  );
  server.on('clientError', answerClientError);
  boundConnections(server, limits.connections);
  cutOffUnread(server, limits);
  return server;
}

/** @returns the port. @throws when it cannot be listened on. */
export function listen(server: Server, port: number, host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve((server.address() as AddressInfo).port);
    });
  });
}

/** How long a server that is told to stop goes on. */
interface Ending {
  /** For so long it takes requests as before, until load balancers have seen that it is not ready. */
  readonly drainMs: number;
  /** For so long afterwards running requests may finish. */
  readonly graceMs: number;
}

/** Drains: answers whoever still comes, each time for the last time; then takes nothing new, and lets the rest finish. */
export async function closeServer(server: Server, { drainMs, graceMs }: Ending): Promise<void> {
  // Before the answer is made. A connection that is kept alive would bring its next request when nobody takes it.
  server.prependListener('request', (_request, response) => response.setHeader('Connection', 'close'));
  await delay(drainMs);
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
