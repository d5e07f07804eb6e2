import http, { type ClientRequest, type IncomingHttpHeaders } from 'node:http';
import https from 'node:https';
import net from 'node:net';
import tls from 'node:tls';

/** One HTTP request with its body whole in memory; the content length is ours to set. */
interface HttpRequest {
  readonly method: 'GET' | 'POST';
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Buffer;
}

/** The provider answered, whatever it said. */
export interface HttpAnswer {
  readonly kind: 'answered';
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** No whole answer came. */
export interface HttpBreak {
  readonly kind: 'broken';
  /** A system or TLS error code, or `timeout` when our signal aborted the call. */
  readonly code: string;
  /** Whether a byte of the request may have reached the provider. */
  readonly begun: boolean;
}

export type HttpOutcome = HttpAnswer | HttpBreak;

/** Makes one call and never throws; when the signal aborts, the connection is reset and the outcome is `timeout`. */
export type HttpCaller = (request: HttpRequest, signal: AbortSignal) => Promise<HttpOutcome>;

/**
 * A connection may serve another call only within this time. A server that closes an idle connection just as we write
 * to it leaves us with a reset whose meaning nobody can know, so such a reset is ambiguous like any other. Common idle
 * limits are 5 s and more: below them it practically does not happen, and under load connections are still shared.
 */
const IDLE_MS = 2_000;

/** No provider's answer comes near this: the largest, Mandrill's search, shows 1,000 messages of a kilobyte or two. */
const MAX_ANSWER_BYTES = 8 * 1024 * 1024;

/**
 * HTTP for providers: no redirects and no retries, so that one call is one call; keep-alive; a hard abort. Written on
 * `node:http`, because `fetch` and the usual clients cannot say whether a byte was sent, nor reset a connection.
 */
export function createHttpCaller(): HttpCaller {
  const agents = {
    'http:': new http.Agent({ keepAlive: true, timeout: IDLE_MS }),
    'https:': new ResettableHttpsAgent({ keepAlive: true, timeout: IDLE_MS }),
  };
  return (request, signal) =>
    new Promise((resolve) => {
      if (signal.aborted) return resolve({ kind: 'broken', code: 'timeout', begun: false });
      const url = new URL(request.url);
      const secure = url.protocol === 'https:';
      const length = request.body ? { 'content-length': String(request.body.length) } : {};
      const call = (secure ? https : http).request(url, {
        method: request.method,
        agent: secure ? agents['https:'] : agents['http:'],
        headers: { ...request.headers, ...length },
      });

      let begun = false;
      // Node holds the request back until the connection stands, then writes it at once.
      call.once('socket', (socket) => {
        if (call.reusedSocket || (!secure && !socket.connecting)) begun = true;
        else socket.once(secure ? 'secureConnect' : 'connect', () => (begun = true));
      });

      const finish = (outcome: HttpOutcome) => {
        signal.removeEventListener('abort', abort);
        call.removeAllListeners('error').on('error', () => {});
        // An answer that came before the whole request was written leaves a connection that nothing else may use.
        if (outcome.kind === 'broken' || !call.writableFinished) reset(call);
        resolve(outcome);
      };
      const broken = (code: string) => finish({ kind: 'broken', code, begun });
      const abort = () => broken('timeout');
      signal.addEventListener('abort', abort, { once: true });

      call.once('error', (error: NodeJS.ErrnoException) => broken(error.code ?? 'connection_error'));
      call.once('response', (response) => {
        const chunks: Buffer[] = [];
        let sizeBytes = 0;
        response.on('data', (chunk: Buffer) => {
          chunks.push(chunk);
          sizeBytes += chunk.length;
          if (sizeBytes > MAX_ANSWER_BYTES) broken('answer_too_large');
        });
        response.once('error', (error: NodeJS.ErrnoException) => broken(error.code ?? 'connection_error'));
        response.once('end', () =>
          finish({
            kind: 'answered',
            status: response.statusCode ?? 0,
            headers: response.headers,
            body: Buffer.concat(chunks).toString('utf8'),
          }),
        );
      });
      call.end(request.body);
    });
}

const rawSockets = new WeakMap<net.Socket, net.Socket>();

/**
 * Opens TLS over a TCP socket of our own and remembers it: only a plain TCP socket can be reset. Everything else is
 * what the ordinary agent does.
 */
class ResettableHttpsAgent extends https.Agent {
  override createConnection(options: tls.ConnectionOptions & { host: string; port: number }): net.Socket {
    const raw = net.connect({ host: options.host, port: options.port, noDelay: true });
    const secure = tls.connect({ ...options, socket: raw });
    raw.on('error', (error) => secure.destroy(error));
    rawSockets.set(secure, raw);
    return secure;
  }
}

/**
 * Ends a call so that not one more byte leaves. An ordinary close would let the kernel go on delivering what it has
 * buffered, possibly the rest of a message, minutes later on a network that had hung; a reset throws it away.
 */
function reset(call: ClientRequest): void {
  const socket = call.socket;
  if (socket) resetSocket(rawSockets.get(socket) ?? socket);
  call.destroy();
}

/** Resets a TCP connection, discarding what is buffered; one that is not open is just destroyed. */
export function resetSocket(socket: net.Socket): void {
  // On its own, `resetAndDestroy` first lets pending writes finish; destroying at once makes the reset immediate.
  if (!socket.connecting && !socket.destroyed) socket.resetAndDestroy();
  socket.destroy();
}
