import { createHmac, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import net from 'node:net';
import { sql } from 'kysely';
import { type Logger, pino } from 'pino';
import { loadConfig } from '../../src/config.js';
import type { Db } from '../../src/postgres/database.js';
import { WEBHOOK_LIMITS, type WebhookLimits } from '../../src/webhooks/limits.js';
import { startWebhooks } from '../../src/webhooks/server.js';
import { createTestDatabase, insertClient, type TestDatabase } from './database.js';
import { type InsertedAttempt, insertAttempts } from './dead.js';
import { freePort } from './ports.js';
import { readRecord } from './record.js';
import { joinSockets } from './servers/joined-sockets.js';

export const MAILGUN_KEY = 'mailgun-signing-key';
export const MANDRILL_KEY = 'mandrill-webhook-key';
/** Deliberately not the address that the tests call: what Mandrill signs is what is configured there. */
export const MANDRILL_URL = 'https://mail.example.com/webhooks/mandrill';

/** Nothing listens there: signals cannot be delivered, which must not matter to providers. */
export const NO_TEMPORAL = '127.0.0.1:1';

export interface TestWebhooks {
  readonly url: string;
  readonly port: number;
  stop(): Promise<void>;
}

/** A webhooks service of the test's own, wired as in production. */
export async function startTestWebhooks(env: {
  databaseUrl: string;
  temporalAddress: string;
  namespace?: string;
  providers?: string;
  drainS?: number;
  limits?: Partial<WebhookLimits>;
  logger?: Logger;
}): Promise<TestWebhooks> {
  const port = await freePort();
  const config = loadConfig({
    DATABASE_URL: env.databaseUrl,
    TEMPORAL_ADDRESS: env.temporalAddress,
    TEMPORAL_NAMESPACE: env.namespace,
    WEBHOOKS_PORT: String(port),
    DRAIN_S: String(env.drainS ?? 0),
    PROVIDERS: env.providers,
    MAILGUN_API_KEY: 'unused',
    MAILGUN_DOMAIN: 'mail.example.com',
    MAILGUN_WEBHOOK_SIGNING_KEY: MAILGUN_KEY,
    MANDRILL_API_KEY: 'unused',
    MANDRILL_WEBHOOK_KEY: MANDRILL_KEY,
    MANDRILL_WEBHOOK_URL: MANDRILL_URL,
    SMTP_URL: 'smtp://127.0.0.1:1025',
    STORAGE_DIR: 'unused',
  });
  const logger = env.logger ?? pino({ level: 'silent' });
  const stop = await startWebhooks(config, logger, { ...WEBHOOK_LIMITS, ...env.limits });
  return { url: `http://127.0.0.1:${port}`, port, stop };
}

/** A webhooks service with a database of its own. */
export interface OwnWebhooks extends TestWebhooks {
  readonly db: Db;
  readonly database: TestDatabase;
  readonly record: ReturnType<typeof readRecord>;
}

/** Starts one that signals nobody. @param env what is to be otherwise. */
export async function startOwnWebhooks(
  env: Partial<Parameters<typeof startTestWebhooks>[0]> = {},
): Promise<OwnWebhooks> {
  const database = await createTestDatabase();
  const { db } = database;
  const service = await startTestWebhooks({ databaseUrl: database.url, temporalAddress: NO_TEMPORAL, ...env });
  const stop = async () => {
    await service.stop();
    await database.drop();
  };
  return { ...service, stop, db, database, record: readRecord(db) };
}

export interface TestEmail {
  readonly id: string;
  readonly clientId: string;
  readonly receiver: string;
}

/** An e-mail that was dispatched, with these attempts in its first generation. */
export async function insertEmail(db: Db, attempts: readonly InsertedAttempt[] = []): Promise<TestEmail> {
  const client = await insertClient(db);
  const receiver = `${randomBytes(6).toString('hex')}@example.com`;
  const { id } = await db
    .insertInto('emails')
    .values({
      id: sql<string>`uuidv7()`,
      client_id: client.id,
      priority: 'medium',
      sender: 'sender@example.org',
      receiver,
      receiver_address: receiver,
      subject: 'A subject',
      content: 'A content',
      content_type: 'text/plain',
      metadata: '{}',
      status: 'queued',
      created_at: sql<Date>`now()`,
      due_at: sql<Date>`now()`,
      deadline_at: sql<Date>`now() + interval '15 minutes'`,
    })
    .returning('id')
    .executeTakeFirstOrThrow();
  await insertAttempts(db, id, attempts);
  return { id, clientId: client.id, receiver };
}

/** Many e-mails of one client, each taken by Mandrill; in one statement, because a thousand would take seconds. */
export async function insertManyEmails(db: Db, count: number): Promise<{ id: string }[]> {
  const client = await insertClient(db);
  const { rows } = await sql<{ id: string }>`
    with made as (
      insert into emails (id, client_id, priority, sender, receiver, receiver_address, subject, content, content_type,
        status, created_at, due_at, deadline_at)
      select uuidv7(), ${client.id}::uuid, 'low', 'sender@example.org', 'r' || n || '@example.com',
        'r' || n || '@example.com', 'A subject', 'A content', 'text/plain', 'queued', now(), now(), now()
      from generate_series(1, ${count}::int) n returning id)
    insert into send_attempts (email_id, generation, attempt, provider, state, started_at, call_until)
    select id, 1, 1, 'mandrill', 'accepted', now(), now() from made returning email_id as id`.execute(db);
  return rows;
}

export const nowS = () => Math.floor(Date.now() / 1000);

/** Mailgun's signature block. */
export function mailgunSignature(options: { timestamp?: number; token?: string; key?: string } = {}) {
  const timestamp = String(options.timestamp ?? nowS());
  const token = options.token ?? randomBytes(25).toString('hex');
  const signature = createHmac('sha256', options.key ?? MAILGUN_KEY)
    .update(timestamp + token)
    .digest('hex');
  return { timestamp, token, signature };
}

/** One event of Mailgun's as `event-data`. */
export function mailgunEvent(email: { id: string }, event: string, fields: Record<string, unknown> = {}) {
  return {
    event,
    id: randomBytes(16).toString('base64url'),
    timestamp: nowS() + 0.25,
    'user-variables': { email_id: email.id, generation: '1', attempt: '1' },
    message: { headers: { 'message-id': `${email.id}.1@mail.example.com` } },
    ...fields,
  };
}

/** A whole body, signed. */
export const mailgunBody = (eventData: unknown, signature: object = mailgunSignature()) =>
  JSON.stringify({ signature, 'event-data': eventData });

export function postMailgun(url: string, body: string, contentType = 'application/json'): Promise<Response> {
  return fetch(`${url}/webhooks/mailgun`, { method: 'POST', headers: { 'content-type': contentType }, body });
}

/** One event of Mandrill's. */
export function mandrillEvent(email: { id: string }, event: string, fields: Record<string, unknown> = {}) {
  const { msg, ...rest } = fields as { msg?: Record<string, unknown> };
  return {
    event,
    _id: 'f4d0c4a2e7b94f0d9a1c2b3d4e5f6a7b',
    ts: nowS(),
    msg: {
      _id: 'f4d0c4a2e7b94f0d9a1c2b3d4e5f6a7b',
      metadata: { email_id: email.id, generation: 1, attempt: 1 },
      ...msg,
    },
    ...rest,
  };
}

export function postMandrill(
  url: string,
  events: unknown,
  options: { key?: string; signedUrl?: string; signature?: string } = {},
): Promise<Response> {
  const text = typeof events === 'string' ? events : JSON.stringify(events);
  const signature =
    options.signature ??
    createHmac('sha1', options.key ?? MANDRILL_KEY)
      .update(`${options.signedUrl ?? MANDRILL_URL}mandrill_events${text}`)
      .digest('base64');
  return fetch(`${url}/webhooks/mandrill`, {
    method: 'POST',
    headers: { 'x-mandrill-signature': signature },
    body: new URLSearchParams({ mandrill_events: text }),
  });
}

/** The database's address behind a wire that a test can cut and mend, and that counts journeys. */
export async function cuttableDatabase(databaseUrl: string) {
  const target = new URL(databaseUrl);
  const sockets = new Set<net.Socket>();
  let cut = false;
  let journeys = 0;
  const server = net.createServer((socket) => {
    if (cut) return void socket.destroy();
    const upstream = net.connect(Number(target.port), target.hostname);
    let answered = true;
    socket.on('data', () => {
      if (answered) journeys++;
      answered = false;
    });
    upstream.on('data', () => {
      answered = true;
    });
    joinSockets(socket, upstream, sockets);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = new URL(databaseUrl);
  url.hostname = '127.0.0.1';
  url.port = String((server.address() as net.AddressInfo).port);
  const sever = () => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    url: url.href,
    /** How often a client has spoken after the server had. */
    journeys: () => journeys,
    cut() {
      cut = true;
      sever();
    },
    mend() {
      cut = false;
    },
    close() {
      server.close();
      sever();
    },
  };
}
