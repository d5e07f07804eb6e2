import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { pino } from 'pino';
import { expect } from 'vitest';
import { API_LIMITS, type ApiLimits } from '../../src/api/limits.js';
import { startApi } from '../../src/api/server.js';
import type { Db } from '../../src/postgres/database.js';
import { noteCodes } from './conformance.js';
import { createTestDatabase, insertClient, type TestClient } from './database.js';
import { apiConfig, TEST_DEADLINE_MS } from './measured/api-config.js';

export interface TestApi {
  readonly url: string;
  readonly port: number;
  readonly databaseUrl: string;
  readonly db: Db;
  readonly client: TestClient;
  /** Posts a form to /api/send. */
  send(form: FormData, headers?: Record<string, string>): Promise<Response>;
  get(path: string, key?: string): Promise<Response>;
  /** Posts JSON. */
  post(path: string, body?: unknown, key?: string, headers?: Record<string, string>): Promise<Response>;
  /** Stops the api and drops its database. */
  stop(): Promise<void>;
}

export { TEST_DEADLINE_MS };

/** The real api on a free port, with a database of its own. */
export async function startTestApi(
  limits: Partial<ApiLimits> = {},
  config: Parameters<typeof apiConfig>[1] = {},
): Promise<TestApi> {
  const database = await createTestDatabase();
  const client = await insertClient(database.db);
  const api = await startApi(apiConfig(database.url, config), pino({ level: process.env.LOG_LEVEL ?? 'silent' }), {
    ...API_LIMITS,
    ...limits,
  });
  const url = `http://127.0.0.1:${api.port}`;
  const bearer = (key: string) => ({ Authorization: `Bearer ${key}` });
  return {
    url,
    port: api.port,
    databaseUrl: database.url,
    db: database.db,
    client,
    send: (form, headers = {}) =>
      fetch(`${url}/api/send`, { method: 'POST', headers: { ...bearer(client.key), ...headers }, body: form }),
    get: (path, key = client.key) => fetch(`${url}${path}`, { headers: bearer(key) }),
    post: (path, body = {}, key = client.key, headers = {}) =>
      fetch(`${url}${path}`, {
        method: 'POST',
        headers: { ...bearer(key), 'Content-Type': 'application/json', ...headers },
        body: JSON.stringify(body),
      }),
    stop: async () => {
      await api.stop();
      await database.drop();
    },
  };
}

/** An api with an operator beside its client. */
export interface OperatedApi extends TestApi {
  readonly operator: TestClient;
  /** Asks as the operator, or by another key; a body is JSON. */
  call(method: string, path: string, body?: object, key?: string): Promise<Response>;
}

/** As `startTestApi`. */
export async function startOperatedApi(...options: Parameters<typeof startTestApi>): Promise<OperatedApi> {
  const api = await startTestApi(...options);
  const operator = await insertClient(api.db, { operator: true });
  const call: OperatedApi['call'] = (method, path, body, key = operator.key) => {
    const headers = { Authorization: `Bearer ${key}`, 'Content-Type': 'application/json' };
    return fetch(`${api.url}${path}`, { method, headers, body: body && JSON.stringify(body) });
  };
  return { ...api, operator, call };
}

export const VALID_FIELDS = {
  sender: 'shop@example.com',
  receiver: 'ada@example.org',
  subject: 'Your order',
  content: 'It is on its way.\n',
};

/** A valid form, changed: undefined leaves a field out. */
export function sendForm(changes: Record<string, string | undefined> = {}, attachment?: Blob, filename?: string) {
  const form = new FormData();
  for (const [name, value] of Object.entries({ ...VALID_FIELDS, ...changes })) {
    if (value !== undefined) form.append(name, value);
  }
  if (attachment) form.append('attachment', attachment, filename ?? 'invoice.pdf');
  return form;
}

export const VALID_DOCUMENT = {
  sender: 'shop@example.com',
  receiver: 'ada@example.org',
  subject: 'Your order',
  text: 'It is sent.\n',
};

export const JSON_TYPE = { 'Content-Type': 'application/json' };

/** Posts a valid document, changed: undefined leaves a member out. */
export const sendDocument = (api: TestApi, changes: object = {}, headers: Record<string, string> = {}) =>
  api.post('/api/send', { ...VALID_DOCUMENT, ...changes }, api.client.key, headers);

/** What tests of documents do: `send` a valid one, changed; `sendText` as it is; read what was `accepted`. */
export function documentsTo(api: () => TestApi) {
  return {
    send: (changes: object = {}, headers: Record<string, string> = {}) => sendDocument(api(), changes, headers),
    sendText: (json: string | Buffer) => postRaw(api(), json, JSON_TYPE),
    async accepted(response: Response): Promise<{ id: string }> {
      const body = await response.text();
      expect(response.status, body).toBe(200);
      return JSON.parse(body);
    },
  };
}

/** The member `attachment` that holds these bytes. */
export const documentAttachment = (bytes: Buffer, more: object = {}) => ({
  attachment: {
    filename: 'a b.pdf',
    content_type: 'application/pdf',
    content_base64: bytes.toString('base64'),
    ...more,
  },
});

/** One part of a body as no client library would write it. */
export interface RawPart {
  /** What follows `Content-Disposition: `. */
  readonly disposition: string;
  readonly contentType?: string;
  readonly body: string | Buffer;
}

export const field = (name: string, body: string | Buffer): RawPart => ({
  disposition: `form-data; name="${name}"`,
  body,
});

export const file = (filename: string, body: string | Buffer = 'bytes', name = 'attachment'): RawPart => ({
  disposition: `form-data; name="${name}"; filename="${filename}"`,
  contentType: 'application/pdf',
  body,
});

export const VALID_PARTS = Object.entries(VALID_FIELDS).map(([name, value]) => field(name, value));

export const BOUNDARY = 'a-boundary-of-the-tests';

/** The bytes of a multipart body. */
export function multipart(parts: readonly RawPart[], end = `--${BOUNDARY}--\r\n`): Buffer {
  const pieces = parts.flatMap(({ disposition, contentType, body }) => [
    `--${BOUNDARY}\r\nContent-Disposition: ${disposition}\r\n`,
    contentType ? `Content-Type: ${contentType}\r\n\r\n` : '\r\n',
    body,
    '\r\n',
  ]);
  return Buffer.concat([...pieces, end].map((piece) => Buffer.from(piece)));
}

/** The head of a POST /api/send, for requests written to a socket by hand. */
export function requestHead(api: TestApi, contentLength: number): string {
  return [
    'POST /api/send HTTP/1.1',
    'Host: 127.0.0.1',
    `Authorization: Bearer ${api.client.key}`,
    `Content-Type: multipart/form-data; boundary=${BOUNDARY}`,
    `Content-Length: ${contentLength}`,
    '\r\n',
  ].join('\r\n');
}

export interface RawConnection {
  readonly socket: Socket;
  /** Everything the server says until it closes. */
  readonly answer: Promise<string>;
}

/** Opens a connection; a reset by the server is an empty end of the answer. */
export async function openConnection(port: number): Promise<RawConnection> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  const pieces: Buffer[] = [];
  socket.on('data', (piece) => pieces.push(piece));
  socket.on('error', () => {});
  const answer = new Promise<string>((resolve) => {
    const done = () => {
      socket.destroy();
      const heard = Buffer.concat(pieces).toString();
      // What is no HTTP request is refused before there is a response that could be held against the description.
      noteCodes(heard);
      resolve(heard);
    };
    socket.on('end', done);
    socket.on('close', done);
  });
  await once(socket, 'connect');
  return { socket, answer };
}

/** Begins a request with this head and sends a body without end. @returns how many bytes were sent until it was cut off. */
export async function sendWithoutEnd(port: number, head: string): Promise<number> {
  const { socket } = await openConnection(port);
  socket.write(head);
  const piece = Buffer.alloc(1024 * 1024);
  const goOn = () => void socket.write(piece, (error) => error ?? setImmediate(goOn));
  goOn();
  // Not `once`: the end may come as an error first.
  await new Promise((resolve) => socket.on('close', resolve));
  return socket.bytesWritten;
}

/** Posts bytes as they are. */
export function postRaw(api: TestApi, body: Buffer | string, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(`${api.url}/api/send`, {
    method: 'POST',
    headers: {
      Authorization: `Bearer ${api.client.key}`,
      'Content-Type': `multipart/form-data; boundary=${BOUNDARY}`,
      ...headers,
    },
    body: new Uint8Array(Buffer.from(body)),
  });
}

const RECORD_TABLES = [
  'emails',
  'attachments',
  'email_events',
  'email_queue',
  'idempotency_keys',
  'attachment_chunks',
] as const;

/** How many rows each table of a submission holds. */
export async function storedRows(db: Db): Promise<Record<(typeof RECORD_TABLES)[number], number>> {
  const counts = await Promise.all(
    RECORD_TABLES.map(async (table) => {
      const row = await db
        .selectFrom(table)
        .select((eb) => eb.fn.countAll<number>().as('count'))
        .executeTakeFirstOrThrow();
      return [table, row.count] as const;
    }),
  );
  return Object.fromEntries(counts) as Record<(typeof RECORD_TABLES)[number], number>;
}

/** Neither a row nor a chunk. Awaited, because an answer can be given before the last chunk is removed. */
export async function expectNothingStored(db: Db): Promise<void> {
  const nothing = Object.fromEntries(RECORD_TABLES.map((table) => [table, 0]));
  await expect.poll(() => storedRows(db)).toEqual(nothing);
}
