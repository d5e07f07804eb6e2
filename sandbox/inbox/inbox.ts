import { createTransport } from 'nodemailer';
import type { Message } from '../message.js';
import { addressOf } from './mail.js';

/** As many mails as the web page keeps; older ones make room (5,000 took 250 MB of memory). */
const KEPT_MAILS = 2000;

/** A real SMTP server with a web page, in this process, and our connection to it. */
export interface Inbox {
  /** The web page. */
  readonly url: string;
  readonly smtpPort: number;
  /** Hands a raw mail over by SMTP. @throws what SMTP answers. */
  deliver(message: Message, mailPath: string): Promise<void>;
  clear(): Promise<void>;
  stop(): Promise<void>;
}

/**
 * Starts maildev and opens a pool of connections to it.
 *
 * @param dir where the mails are kept; they are shown again after a restart.
 */
export async function startInbox(ports: { web: number; smtp: number }, dir: string): Promise<Inbox> {
  // A development dependency, loaded only where an inbox is wanted: it is not there in a production install.
  const { MailDev } = await import('maildev');
  const maildev = new MailDev({
    smtp: ports.smtp,
    web: ports.web,
    ip: '127.0.0.1',
    webIp: '127.0.0.1',
    mailDirectory: dir,
    maxEmails: KEPT_MAILS,
    silent: true,
  });
  const servers = await maildev.start();
  const smtpPort = servers.smtp.getPort();
  const webPort = servers.api?.getAddress()?.port ?? ports.web;
  const transport = createTransport({
    host: '127.0.0.1',
    port: smtpPort,
    pool: true,
    maxConnections: 4,
    maxMessages: Number.POSITIVE_INFINITY,
    secure: false,
    ignoreTLS: true,
  });
  return {
    url: `http://127.0.0.1:${webPort}`,
    smtpPort,
    async deliver(message, mailPath) {
      await transport.sendMail({
        envelope: { from: addressOf(message.sender) ?? '', to: [message.receiver] },
        raw: { path: mailPath },
      });
    },
    async clear() {
      await servers.smtp.deleteAllEmails();
    },
    async stop() {
      transport.close();
      await maildev.stop();
    },
  };
}
