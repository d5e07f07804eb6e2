import { randomUUID } from 'node:crypto';
import { resolve } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { PRIORITIES } from '../priority.js';
import { type FollowedEmail, ProgressView, timeline } from './demo-view.js';
import { type Addresses, readAddresses } from './run-state.js';
import { loadEnvFile } from './settings.js';

/** Ample on one machine; past it something is wrong, and the console of `npm start` tells what. */
const GIVE_UP_MS = 90_000;

/** How long one call may be repeated while a process is away. */
const PATIENCE_MS = 30_000;

const OPEN_AGAIN_MS = 3_000;

/** What ends an e-mail's way, besides having been opened. */
const DEAD_ENDS = ['failed', 'bounced', 'complained', 'suppressed', 'cancelled', 'dead'];

interface DemoEmail {
  readonly label: string;
  readonly fields: Readonly<Record<string, string>>;
  readonly attachment?: { readonly name: string; readonly text: string };
}

/** One e-mail of each priority, and one with an attachment. */
function demoEmails(): DemoEmail[] {
  const fields = (priority: string, what: string) => ({
    sender: 'hello@example.com',
    receiver: 'reader@example.org',
    subject: `Demo: ${what}`,
    content: `This is ${what}.\n\nIts way is shown in the terminal.`,
    priority,
  });
  return [
    ...PRIORITIES.map((priority) => ({ label: priority, fields: fields(priority, `a ${priority} e-mail`) })),
    {
      label: 'medium, with attachment',
      fields: fields('medium', 'an e-mail with an attachment'),
      attachment: { name: 'report.csv', text: 'month,e-mails\nJanuary,1200\nFebruary,1350\n' },
    },
  ];
}

async function submit(addresses: Addresses, email: DemoEmail): Promise<FollowedEmail> {
  const form = new FormData();
  for (const [name, value] of Object.entries(email.fields)) form.append(name, value);
  if (email.attachment) {
    form.append('attachment', new Blob([email.attachment.text], { type: 'text/csv' }), email.attachment.name);
  }
  // Repeated after a broken connection, it is the same e-mail.
  const headers = { 'Idempotency-Key': randomUUID() };
  const answer = await callApi(addresses, '/api/send', { method: 'POST', body: form, headers });
  const { id, status } = answer as { id: string; status: string };
  return { label: email.label, id, status, provider: null, events: [] };
}

async function look(addresses: Addresses, email: FollowedEmail): Promise<FollowedEmail> {
  const answer = (await callApi(addresses, `/api/email/${email.id}`)) as FollowedEmail;
  return { ...email, status: answer.status, provider: answer.provider, events: answer.events };
}

/** Patient, as a careful client is: whoever follows the demo may be killing processes meanwhile. */
async function callApi(addresses: Addresses, path: string, init: RequestInit = {}): Promise<unknown> {
  const headers = { ...init.headers, Authorization: `Bearer ${addresses.apiKey}` };
  const giveUpAt = Date.now() + PATIENCE_MS;
  for (;;) {
    const response = await fetch(`${addresses.api}${path}`, { ...init, headers }).catch((error: Error) => error);
    if (response instanceof Response && response.ok) return response.json();
    const isOver = response instanceof Response && response.status < 500 && response.status !== 409;
    if (isOver || Date.now() > giveUpAt) {
      if (!(response instanceof Response)) throw response;
      throw new Error(`${path} answered ${response.status}: ${await response.text()}`);
    }
    await wait(300);
  }
}

/** Does what a mail program does that shows the message: it loads the pixel in it. */
async function openLikeAReader(addresses: Addresses, email: FollowedEmail): Promise<void> {
  await fetch(`${addresses.webhooks}/api/email/${email.id}/open`).then(
    (response) => response.arrayBuffer(),
    () => {}, // The service is just away.
  );
}

const isDone = ({ status }: FollowedEmail) => ['opened', 'clicked', ...DEAD_ENDS].includes(status);

/** Follows the e-mails until each is opened or cannot be any more. */
async function follow(addresses: Addresses, submitted: readonly FollowedEmail[]): Promise<FollowedEmail[]> {
  const view = new ProgressView(process.stdout);
  const openedAt = new Map<string, number>();
  const giveUpAt = Date.now() + GIVE_UP_MS;
  let emails = [...submitted];
  for (;;) {
    emails = await Promise.all(emails.map((email) => look(addresses, email)));
    view.update(emails);
    if (emails.every(isDone) || Date.now() > giveUpAt) return emails;
    for (const email of emails.filter(({ status }) => status === 'delivered')) {
      // The pixel is shown whether or not the open could be recorded: a reader comes back.
      if (Date.now() - (openedAt.get(email.id) ?? 0) < OPEN_AGAIN_MS) continue;
      openedAt.set(email.id, Date.now());
      await openLikeAReader(addresses, email);
    }
    await wait(150);
  }
}

async function main(): Promise<void> {
  loadEnvFile();
  const dataDir = resolve(process.env.DATA_DIR || '.data');
  const addresses = readAddresses(dataDir);
  if (!addresses) throw new Error(`Nothing runs on ${dataDir}: start it with "npm start", and wait for its table.`);

  console.log('\nSubmitting one e-mail of each priority and one with an attachment.\n');
  const submitted = await Promise.all(demoEmails().map((email) => submit(addresses, email)));
  const emails = await follow(addresses, submitted);
  console.log(`\nTimeline, from the moment each was queued:\n\n${timeline(emails)}\n`);
  if (addresses.inbox) console.log(`  Inbox:            ${addresses.inbox}`);
  if (addresses.temporalUi) console.log(`  Temporal Web UI:  ${addresses.temporalUi}/namespaces/default/workflows\n`);
  const missing = emails.filter(({ status }) => status !== 'opened' && status !== 'clicked');
  if (missing.length > 0)
    throw new Error(`Not opened: ${missing.map(({ label, status }) => `${label} (${status})`).join(', ')}`);
}

main().catch((error: Error) => {
  const cause = error.cause instanceof Error ? ` (${error.cause.message})` : '';
  process.stderr.write(`${error.message}${cause}\n`);
  process.exitCode = 1;
});
