import { simpleParser } from 'mailparser';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Sandbox, startSandbox } from '../../sandbox/server.js';
import type { ActivityDependencies } from '../../src/activities/dependencies.js';
import { messageIdOf } from '../../src/activities/message.js';
import { sendOnce } from '../../src/activities/send.js';
import { type Config, loadConfig } from '../../src/config.js';
import { SHIPPED_STATUSES } from '../../src/domain/emails/statuses.js';
import { createProviders } from '../../src/providers/adapters.js';
import { documentAttachment, sendDocument, startTestApi, type TestApi } from '../support/api.js';
import { type InboxMail, mailWith } from './inbox-mail.js';

/**
 * What is submitted by JSON, as it arrives: the real api and record, the real step that sends, each real adapter, and
 * a real inbox behind the sandbox. Only what starts the step is left out (dispatcher and workflow carry ids alone).
 */

const PROVIDERS = ['mailgun', 'mandrill', 'smtp'] as const;
type Name = (typeof PROVIDERS)[number];

let api: TestApi;
let sandbox: Sandbox;
let config: Config;
let dependencies: ActivityDependencies;
beforeAll(async () => {
  api = await startTestApi();
  sandbox = await startSandbox({ inbox: true, timeScale: 1 / 1000 });
  config = loadConfig({
    DATABASE_URL: api.databaseUrl,
    PROVIDERS: PROVIDERS.join(','),
    MAILGUN_API_KEY: sandbox.options.mailgun.apiKey,
    MAILGUN_DOMAIN: sandbox.options.mailgun.domain,
    MAILGUN_API_URL: sandbox.url,
    MAILGUN_WEBHOOK_SIGNING_KEY: sandbox.options.mailgun.signingKey,
    MANDRILL_API_KEY: sandbox.options.mandrill.apiKey,
    MANDRILL_API_URL: sandbox.url,
    MANDRILL_WEBHOOK_KEY: sandbox.options.mandrill.webhookKey,
    MANDRILL_WEBHOOK_URL: 'http://127.0.0.1:9/webhooks/mandrill',
    SMTP_URL: `smtp://127.0.0.1:${sandbox.inboxSmtpPort}`,
    STORAGE_DIR: '/nowhere',
    PUBLIC_URL: 'https://mail.example.com',
  });
  dependencies = {
    ...{ db: api.db, config, catalogue: SHIPPED_STATUSES, priority: 'medium' },
    providers: await createProviders(config),
    logger: pino({ level: 'silent' }),
  } as unknown as ActivityDependencies;
});
afterAll(async () => {
  await sandbox?.stop();
  await api?.stop();
});

/** Submits a document, has it sent by one provider, and fetches what arrived. */
async function arrived(provider: Name, document: Record<string, unknown>): Promise<InboxMail & { id: string }> {
  const answer = await sendDocument(api, { sender: 'Shop <shop@example.com>', text: undefined, ...document });
  expect(answer.status).toBe(200);
  const { id } = (await answer.json()) as { id: string };
  const hasAttachment = document.attachment !== undefined;
  const request = {
    emailId: id,
    generation: 1,
    provider,
    hasAttachment,
    dispatchedAtMs: Date.now(),
    lastOfRound: true,
  };
  expect(await sendOnce(dependencies, request)).toMatchObject({ kind: 'accepted', provider });
  return { id, ...(await mailWith(sandbox, messageIdOf(id, 1, config.messageIdDomain))) };
}

/** What the provider was asked for, as the sandbox shows it. */
async function call(emailId: string): Promise<Record<string, unknown>> {
  const answer = await fetch(`${sandbox.url}/sandbox/messages?email_id=${emailId}`);
  return ((await answer.json()) as Record<string, unknown>[])[0] ?? {};
}

/** A header's text as a mail program shows it: of the headers that it does not know, mailparser decodes none. */
async function shown({ parsed }: InboxMail, name: string): Promise<string | undefined> {
  return (await simpleParser(`Subject: ${parsed.headers.get(name)}\r\n\r\n`)).subject;
}

const ALTERNATIVE = ['multipart/alternative', 'text/plain', 'text/html'];
const TEXT = 'Grüße – 你好 ✉\n\nfirst line\nsecond line';
const HTML = '<html><body><h1>Grüße</h1><p>Your order <b>你好</b> is on its way.</p></body></html>';
const pixelOf = (id: string) => `<img src="https://mail.example.com/api/email/${id}/open"`;

describe.each(PROVIDERS)('%s', (provider) => {
  test('an e-mail with only HTML arrives with a text that was made of it, beside the HTML and our pixel', async () => {
    const { id, parsed, kinds } = await arrived(provider, { html: HTML });
    expect(kinds).toEqual(ALTERNATIVE);
    expect(parsed.text).toMatch(/Grüße\s+Your order 你好 is on its way\./);
    expect(parsed.html).toContain('<p>Your order <b>你好</b> is on its way.</p>');
    expect(parsed.html).toContain(pixelOf(id));
  });

  test('one with only text arrives with it, and as a page that reads the same', async () => {
    const { id, parsed, kinds } = await arrived(provider, { text: TEXT });
    expect(kinds).toEqual(ALTERNATIVE);
    expect(parsed.text?.trimEnd()).toBe(TEXT);
    expect(parsed.html).toContain(TEXT);
    expect(parsed.html).toContain(pixelOf(id));
  });

  test('one with both arrives with both, each as it was given, and with its attachment', async () => {
    const bytes = Buffer.from([0, 255, 13, 10, 46, 13, 10]);
    const document = { text: TEXT, html: HTML, ...documentAttachment(bytes, { filename: 'Übersicht 你.pdf' }) };
    const { parsed, kinds } = await arrived(provider, document);
    expect(kinds).toEqual(['multipart/mixed', ...ALTERNATIVE, 'application/pdf']);
    expect(parsed.text?.trimEnd()).toBe(TEXT);
    expect(parsed.html).toContain('<p>Your order <b>你好</b> is on its way.</p>');
    expect(parsed.attachments).toMatchObject([{ filename: 'Übersicht 你.pdf', content: bytes }]);
  });

  test('its headers arrive, those with letters beyond ASCII as well', async () => {
    const headers = {
      'X-Order': 'Größe 你好',
      'List-Id': 'Orders <orders.example.com>',
      References: '<1@example.com>',
    };
    const mail = await arrived(provider, { html: HTML, headers });
    expect(await shown(mail, 'x-order')).toBe('Größe 你好');
    const { parsed } = mail;
    expect(parsed.headerLines.find(({ key }) => key === 'list-id')?.line).toContain('Orders <orders.example.com>');
    expect(parsed.references).toBe('<1@example.com>');
    // They stand in the place of none of ours.
    expect(parsed.subject).toBe('Your order');
    expect(parsed.from?.value).toEqual([{ name: 'Shop', address: 'shop@example.com' }]);
  });

  test('one whose opens are not tracked has no pixel, neither ours nor the provider’s', async () => {
    const { id, parsed } = await arrived(provider, { html: HTML, track_opens: false });
    expect(parsed.html).toContain('<b>你好</b>');
    expect(parsed.html).not.toContain('<img');
    if (provider !== 'smtp') expect(await call(id)).toMatchObject({ html: HTML, trackOpens: false });
  });

  test('one whose opens are tracked is tracked by the provider as well, where it can', async () => {
    const { id } = await arrived(provider, { html: HTML });
    if (provider !== 'smtp') expect(await call(id)).toMatchObject({ trackOpens: true });
  });

  test('has no line over 998 octets, whatever was submitted, and loses nothing by it', async () => {
    const long = 'ä'.repeat(2_000);
    const value = Array.from({ length: 20 }, () => 'Größe'.repeat(10)).join(' ');
    const subject = '你'.repeat(300);
    const document = { text: long, html: `<p>${long}</p>`, subject, headers: { 'X-Long': value } };
    const mail = await arrived(provider, document);
    const { parsed, longestLine } = mail;
    expect(longestLine).toBeLessThanOrEqual(998);
    expect(parsed.text?.trimEnd()).toBe(long);
    expect(parsed.html).toContain(`<p>${long}</p>`);
    expect(parsed.subject).toBe(subject);
    expect(await shown(mail, 'x-long')).toBe(value);
  });
});
