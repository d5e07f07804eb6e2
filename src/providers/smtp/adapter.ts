import { once } from 'node:events';
import net from 'node:net';
import { Readable } from 'node:stream';
import MailComposer from 'nodemailer/lib/mail-composer';
import { parseConnectionUrl } from 'nodemailer/lib/shared';
import SMTPConnection from 'nodemailer/lib/smtp-connection';
import { attachmentType } from '../calls/attachment-type.js';
import { unsafeHeader } from '../calls/failure.js';
import { resetSocket } from '../calls/http-call.js';
import { withoutBrackets } from '../calls/message-id.js';
import type { Adapter, OutgoingMessage, SendResult } from '../provider.js';
import type { SmtpSettings } from './settings.js';
import { type SmtpFault, smtpFailure } from './taxonomy.js';

/** How long a server may take to answer QUIT; the message is delivered by then. */
const QUIT_MS = 2_000;
const CHUNK_BYTES = 64 * 1024;

type Server = ReturnType<typeof parseConnectionUrl>;

/**
 * Any SMTP server, through nodemailer's connection: one connection for one message, over a socket of our own that we
 * can reset. There is nothing to look up, and no tags.
 */
export function createSmtp(settings: SmtpSettings): Adapter {
  const server = parseConnectionUrl(settings.url);
  return {
    async send(message, signal) {
      const unsafe = unsafeHeader(message);
      if (unsafe) return unsafe;
      const mail = await compose(message);
      return deliver(server, mail, signal).then(
        (reply) => ({ kind: 'accepted', providerMessageId: queueIdIn(reply) ?? withoutBrackets(message.messageId) }),
        (error: DeliveryError) => error.failed,
      );
    },
    async probe(signal) {
      try {
        await hold(server, signal, (socket) => greet(server, socket));
        return undefined;
      } catch (error) {
        return smtpFailure(error as SmtpFault, false);
      }
    },
  };
}

interface Mail {
  readonly envelope: { readonly from: string | false; readonly to: readonly string[] };
  readonly bytes: Buffer;
}

/** The message as it goes over the wire; nodemailer encodes headers (RFC 2047) and filenames (RFC 2231). */
async function compose(message: OutgoingMessage): Promise<Mail> {
  const { attachment } = message;
  const node = new MailComposer({
    messageId: message.messageId,
    from: message.sender,
    to: message.receiver,
    replyTo: message.replyTo ?? undefined,
    subject: message.subject,
    headers: message.headers,
    text: message.text ?? undefined,
    html: message.html,
    attachments: attachment
      ? [
          {
            filename: attachment.filename,
            contentType: attachmentType(attachment.contentType),
            contentTransferEncoding: 'base64',
            content: attachment.bytes,
          },
        ]
      : [],
    disableFileAccess: true,
    disableUrlAccess: true,
  }).compile();
  return { envelope: node.getEnvelope(), bytes: await node.build() };
}

/** Carries what a failed conversation means. */
class DeliveryError extends Error {
  override readonly name = 'DeliveryError';
  constructor(readonly failed: Exclude<SendResult, { kind: 'accepted' }>) {
    super(failed.code);
  }
}

/**
 * Holds one conversation and ends its connection, whatever happens.
 *
 * @returns the server's reply to the message.
 * @throws DeliveryError always, when it throws.
 */
async function deliver(server: Server, mail: Mail, signal: AbortSignal): Promise<string> {
  // The server may take the message only after the final dot, which nodemailer writes when the source has ended.
  let dotSent = false;
  const source = Readable.from(chunksOf(mail.bytes), { objectMode: false }).once('end', () => (dotSent = true));
  try {
    return await hold(server, signal, (socket) => converse(server, socket, mail, source));
  } catch (error) {
    throw new DeliveryError(smtpFailure(error as SmtpFault, dotSent));
  }
}

/** Connects and talks. @throws what fails, with the connection reset. */
async function hold<T>(server: Server, signal: AbortSignal, talk: (socket: net.Socket) => Promise<T>): Promise<T> {
  const socket = net.connect({ host: server.host ?? 'localhost', port: portOf(server), noDelay: true });
  socket.on('error', () => {});
  try {
    return await unlessAborted(signal, async () => {
      await once(socket, 'connect');
      return talk(socket);
    });
  } catch (error) {
    resetSocket(socket);
    throw error;
  }
}

function* chunksOf(bytes: Buffer): Generator<Buffer> {
  for (let start = 0; start < bytes.length; start += CHUNK_BYTES) yield bytes.subarray(start, start + CHUNK_BYTES);
}

function portOf(server: Server): number {
  return Number(server.port) || (server.secure ? 465 : 587);
}

/** Runs a task until the signal aborts; then fails with the code `timeout`, whatever becomes of the task. */
async function unlessAborted<T>(signal: AbortSignal, task: () => Promise<T>): Promise<T> {
  const timeout = Object.assign(new Error('timeout'), { code: 'timeout' });
  if (signal.aborted) throw timeout;
  let abort = () => {};
  const aborted = new Promise<never>((_, reject) => {
    abort = () => reject(timeout);
    signal.addEventListener('abort', abort, { once: true });
  });
  try {
    return await Promise.race([task(), aborted]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

function converse(server: Server, socket: net.Socket, mail: Mail, source: Readable): Promise<string> {
  return new Promise((resolve, reject) => {
    const connection = new SMTPConnection({ ...server, connection: socket });
    // nodemailer reports some failures to the callback, some as an event, some as both.
    connection.on('error', reject);
    const send = () =>
      connection.send(
        { ...mail.envelope, to: [...mail.envelope.to], size: mail.bytes.length },
        source,
        (error, info) => {
          if (error || !info) return reject(error);
          resolve(info.response ?? '');
          connection.quit();
          setTimeout(() => socket.destroy(), QUIT_MS).unref();
        },
      );
    connection.connect((error) => {
      if (error) return reject(error);
      if (!server.auth) return send();
      connection.login(server.auth, (refused) => (refused ? reject(refused) : send()));
    });
  });
}

/** Says who we are, and goes: the server answers and lets us in. */
function greet(server: Server, socket: net.Socket): Promise<void> {
  return new Promise((resolve, reject) => {
    const connection = new SMTPConnection({ ...server, connection: socket });
    connection.on('error', reject);
    const leave = () => {
      connection.quit();
      setTimeout(() => socket.destroy(), QUIT_MS).unref();
      resolve();
    };
    connection.connect((error) => {
      if (error) return reject(error);
      if (!server.auth) return leave();
      connection.login(server.auth, (refused) => (refused ? reject(refused) : leave()));
    });
  });
}

/** The id under which the server has queued the message, as Postfix, Exim, Exchange and others put it in their reply. */
function queueIdIn(reply: string): string | undefined {
  return /\b(?:queued as|id=)\s*<?([A-Za-z0-9][A-Za-z0-9._@-]{2,127})/i.exec(reply)?.[1];
}
