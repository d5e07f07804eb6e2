import { once } from 'node:events';
import http, { type IncomingMessage, type RequestListener } from 'node:http';
import https from 'node:https';
import net, { type AddressInfo, type Server, type Socket } from 'node:net';
import { SMTPServer, type SMTPServerOptions } from 'smtp-server';
import selfSigned from 'smtp-server/lib/tls-options';

/** A server for tests that knows its connections, so that a test can see what a client did to them. */
export interface ScriptedServer {
  /** Where it listens, such as `http://127.0.0.1:4711`. */
  readonly url: string;
  readonly port: number;
  /** Every connection so far, the oldest first. */
  readonly connections: readonly Socket[];
  /** The error codes its connections met, such as `ECONNRESET`. */
  readonly errors: readonly string[];
  /** Every connection closed or closing right now. */
  allClosed(): Promise<void>;
  stop(): Promise<void>;
}

/** An HTTP or HTTPS server whose answers the test writes; with TLS its certificate is nobody's. */
export async function startHttp(answer: RequestListener, { secure = false } = {}): Promise<ScriptedServer> {
  const server = secure ? https.createServer(selfSigned(), answer) : http.createServer(answer);
  server.on('clientError', () => {});
  server.listen(0, '127.0.0.1');
  return scripted(server, secure ? 'https' : 'http', () => server.closeAllConnections());
}

/** A real SMTP server; offers STARTTLS with nobody's certificate unless `options` hide it. */
export async function startSmtp(options: SMTPServerOptions): Promise<ScriptedServer> {
  const smtp = new SMTPServer({ authOptional: true, ...selfSigned(), ...options });
  smtp.on('error', () => {});
  smtp.listen(0, '127.0.0.1');
  return scripted(smtp.server as Server, 'smtp', () => smtp.close());
}

/** Passes bytes on to a server on this machine and shows what happens to the connections, which TLS would hide. */
export async function startRelay(port: number, scheme: string): Promise<ScriptedServer> {
  const server = net.createServer((from) => {
    const to = net.connect(port, '127.0.0.1').on('error', () => {});
    from.pipe(to).pipe(from);
    from.on('close', () => to.destroy());
  });
  server.listen(0, '127.0.0.1');
  return scripted(server, scheme, () => {});
}

async function scripted(server: Server, scheme: string, end: () => void): Promise<ScriptedServer> {
  const connections: Socket[] = [];
  const errors: string[] = [];
  const note = (error: NodeJS.ErrnoException) => errors.push(error.code ?? error.message);
  server.on('connection', (socket: Socket) => {
    socket.on('error', note);
    connections.push(socket);
  });
  if (!server.listening) await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `${scheme}://127.0.0.1:${port}`,
    port,
    connections,
    errors,
    async allClosed() {
      // Not `once` from node:events, which would take a reset for a failure.
      const closed = (socket: Socket) => new Promise<void>((resolve) => socket.once('close', () => resolve()));
      await Promise.all(connections.filter((socket) => !socket.closed).map(closed));
    },
    async stop() {
      end();
      for (const socket of connections) socket.destroy();
      if (server.listening) await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Reads a request's body whole. */
export async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** Reads a multipart form. */
export async function formOf(request: IncomingMessage): Promise<FormData> {
  const body = await bodyOf(request);
  return new Response(body, { headers: { 'content-type': request.headers['content-type'] ?? '' } }).formData();
}
