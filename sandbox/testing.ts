import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import FormData from 'form-data';
import Mailgun from 'mailgun.js';
import { vi } from 'vitest';
import { patient } from '../test/support/patience.js';
import type { Sandbox } from './server.js';

/** What the sandbox's own tests share: its clients, as strangers would write them, and a webhook receiver. */

/** Waits until the expectation holds: generous, because the machine may be busy with other tests. */
export function eventually<T>(expectation: () => T | Promise<T>): Promise<T> {
  return vi.waitFor(expectation, { timeout: patient(20_000), interval: 20 });
}

type Reachable = Pick<Sandbox, 'url' | 'options'>;

/** Mailgun's own client, pointed at a sandbox. */
export function mailgunClient(sandbox: Reachable, key = sandbox.options.mailgun.apiKey) {
  return new Mailgun.default(FormData).client({ username: 'api', key, url: sandbox.url });
}

/** A complete message for Mailgun; every e-mail has its own Message-ID. */
export function mailgunMessage(emailId: string, more: Record<string, unknown> = {}) {
  return {
    from: 'Shop <shop@example.com>',
    to: 'reader@example.org',
    subject: 'Your order',
    text: 'Thank you',
    html: '<html><body><p>Thank you</p></body></html>',
    'h:Message-Id': `<${emailId}.1@mg.example.com>`,
    'v:email_id': emailId,
    'v:generation': '1',
    'v:attempt': '1',
    ...more,
  };
}

export async function sendByMailgun(sandbox: Reachable, emailId: string, more: Record<string, unknown> = {}) {
  return mailgunClient(sandbox).messages.create(sandbox.options.mailgun.domain, mailgunMessage(emailId, more) as never);
}

/** Any call to Mandrill; the key is added. */
export async function mandrill(sandbox: Reachable, path: string, body: object, key = sandbox.options.mandrill.apiKey) {
  const answer = await fetch(`${sandbox.url}/api/1.0/${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ key, ...body }),
  });
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape
  return { status: answer.status, headers: answer.headers, body: (await answer.json()) as any };
}

function mandrillMessage(emailId: string, more: Record<string, unknown> = {}) {
  return {
    from_email: 'shop@example.com',
    to: [{ email: 'reader@example.org', type: 'to' }],
    subject: 'Your order',
    text: 'Thank you',
    html: '<p>Thank you</p>',
    headers: { 'Message-ID': `<${emailId}.1@mg.example.com>` },
    metadata: { email_id: emailId, generation: 1, attempt: 1 },
    ...more,
  };
}

export function sendByMandrill(sandbox: Reachable, emailId: string, more: Record<string, unknown> = {}) {
  return mandrill(sandbox, 'messages/send.json', { message: mandrillMessage(emailId, more) });
}

export interface Told {
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  readonly atMs: number;
}

/** An HTTP server that keeps whatever it is told. */
export async function webhookReceiver(answer: (told: Told, soFar: number) => number = () => 200) {
  const told: Told[] = [];
  const server = createServer((req, res) => {
    const chunks: Buffer[] = [];
    req.on('data', (chunk: Buffer) => chunks.push(chunk));
    req.on('end', () => {
      const one = { headers: req.headers, body: Buffer.concat(chunks).toString(), atMs: Date.now() };
      told.push(one);
      res.writeHead(answer(one, told.length)).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`,
    told,
    /** Mailgun's events, as told. */
    mailgunEvents: () => told.map(({ body }) => JSON.parse(body)['event-data']),
    /** Mandrill's events, as told. */
    mandrillEvents: () =>
      told.flatMap(({ body }) => JSON.parse(new URLSearchParams(body).get('mandrill_events') ?? '')),
    stop: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
