import { createHmac, randomBytes } from 'node:crypto';
import { Agent, request } from 'node:http';
import { inParallel } from '../src/process/parallel.js';
import type { Stack } from '../test/support/stack.js';
import { until } from '../test/support/until.js';
import { quantile, short } from './harness/figures.js';
import { Meter } from './harness/usage.js';
import type { World } from './harness/world.js';
import { say } from './results.js';
import { pidsOf } from './variants/ours.js';

/** As `Stack` configures it. */
const SIGNING_KEY = 'sandbox-signing-key';
const PATIENCE_MS = 15 * 60_000;
/** A provider keeps about so many connections to one receiver. */
const CONNECTIONS = 50;

interface WebhooksResult {
  readonly webhooks: number;
  /** How many were not answered with 200, by status. */
  readonly refused: Readonly<Record<number, number>>;
  readonly lost: number;
  readonly wrongStatus: number;
  readonly perS: number;
  readonly answerMs: { readonly p50: number; readonly p99: number; readonly worst: number };
  /** From the last answer to the last workflow that has heard and closed. */
  readonly caughtUpAfterS: number;
  readonly cpuMsPerWebhook: Readonly<Record<string, number>>;
}

/**
 * Two webhooks an e-mail, delivered and opened, all at once: every one has to be taken, stored, and told to a workflow
 * that is open and waits for it.
 */
export async function benchWebhooks(world: World, stack: Stack, emails: number): Promise<WebhooksResult> {
  const ids = await addHandedOver(world, emails);
  say(`${emails} e-mails are handed over; starting their workflows`);
  await inParallel(emails, 30, async (n) => {
    const input = { emailId: ids[n]!, priority: 'low' };
    await world.temporal.workflow.start('email', {
      workflowId: `email-${ids[n]}`,
      taskQueue: 'email-low',
      args: [input],
    });
  });
  await until('all are open', async () => (await world.openWorkflows('email')) === emails, PATIENCE_MS);

  const bodies = ['delivered', 'opened'].flatMap((event) => ids.map((id) => webhookOf(id, event)));
  const agent = world.own(new Agent({ keepAlive: true, maxSockets: CONNECTIONS }), (it) => it.destroy());
  const meter = new Meter({ ...pidsOf(stack), ...world.pids });
  const answersMs: number[] = [];
  const refused: Record<number, number> = {};
  const begun = performance.now();
  await inParallel(bodies.length, CONNECTIONS, async (n) => {
    const sentAt = performance.now();
    const status = await post(`${stack.webhooks}/webhooks/mailgun`, bodies[n]!, agent);
    answersMs.push(performance.now() - sentAt);
    if (status !== 200) refused[status] = (refused[status] ?? 0) + 1;
  });
  const takenS = (performance.now() - begun) / 1000;
  const { cpuMs } = meter.stop();
  await until('all signals are delivered', async () => (await pendingSignals(world)) === 0, PATIENCE_MS);
  await until('all workflows are closed', async () => (await world.openWorkflows('email')) === 0, PATIENCE_MS);
  const caughtUpS = (performance.now() - begun) / 1000;

  const [row] = await world.query<{ opened: number; events: number }>(
    `select (select count(*)::int from emails where status = 'opened' and id = any($1)) opened,
      (select count(*)::int from email_events where type in ('delivered', 'opened') and email_id = any($1)) events`,
    [ids],
  );
  return {
    webhooks: bodies.length,
    refused,
    lost: bodies.length - row!.events,
    wrongStatus: emails - row!.opened,
    perS: bodies.length / takenS,
    answerMs: { p50: quantile(answersMs, 0.5), p99: quantile(answersMs, 0.99), worst: quantile(answersMs, 1) },
    caughtUpAfterS: caughtUpS - takenS,
    cpuMsPerWebhook: Object.fromEntries(Object.entries(cpuMs).map(([name, ms]) => [name, ms / bodies.length])),
  };
}

/** The result in a sentence. */
export function webhooksSentence(result: WebhooksResult): string {
  const refused = Object.values(result.refused).reduce((all, count) => all + count, 0);
  return (
    `${result.webhooks} webhooks at ${short(result.perS)}/s, answered in p50 ${short(result.answerMs.p50)}, p99 ` +
    `${short(result.answerMs.p99)} ms: ${refused} refused, ${result.lost} lost, ${result.wrongStatus} statuses wrong; ` +
    `workflows had caught up ${short(result.caughtUpAfterS)} s later`
  );
}

/** E-mails that a provider has taken, as if sent before. */
export async function addHandedOver(world: World, count: number): Promise<string[]> {
  const rows = await world.query<{ id: string }>(
    `with made as (
       insert into emails (id, client_id, priority, sender, receiver, receiver_address, subject, content, content_type,
         status, created_at, due_at, deadline_at, sent_at, provider)
       select uuidv7(), (select id from clients order by created_at limit 1), 'low', 'shop@example.com',
         'reader-' || n || '@example.org', 'reader-' || n || '@example.org', 'Your order', repeat('x', 1000),
         'text/html', 'sent', now(), now(), now() + interval '1 hour', now(), 'mailgun'
       from generate_series(1, $1::int) n returning id, created_at),
     events as (
       insert into email_events (email_id, event_key, type, generation, attempt, provider, occurred_at)
       select id, 'tempost:g1:a1:sent', 'sent', 1, 1, 'mailgun', created_at from made),
     attempts as (
       insert into send_attempts (email_id, generation, attempt, provider, state, started_at, finished_at, call_until)
       select id, 1, 1, 'mailgun', 'accepted', created_at, created_at, created_at from made),
     queue as (
       insert into email_queue (email_id, priority, generation, state, due_at, dispatched_at, check_at)
       select id, 'low', 1, 'handed_over', created_at, created_at, created_at + interval '1 hour' from made)
     select id from made`,
    [count],
  );
  return rows.map(({ id }) => id);
}

async function pendingSignals(world: World): Promise<number> {
  const [row] = await world.query<{ n: number }>('select count(*)::int n from pending_signals');
  return row!.n;
}

/** Signed as Mailgun signs. */
export function webhookOf(emailId: string, event: string): Buffer {
  const timestamp = String(Math.floor(Date.now() / 1000));
  const token = randomBytes(25).toString('hex');
  const signature = createHmac('sha256', SIGNING_KEY)
    .update(timestamp + token)
    .digest('hex');
  return Buffer.from(
    JSON.stringify({
      signature: { timestamp, token, signature },
      'event-data': {
        event,
        id: randomBytes(16).toString('base64url'),
        timestamp: Number(timestamp) + 0.25,
        'user-variables': { email_id: emailId, generation: '1', attempt: '1' },
        message: { headers: { 'message-id': `${emailId}.1@mail.example.com` } },
      },
    }),
  );
}

/** @returns the answer's status. */
export function post(url: string, body: Buffer, agent: Agent): Promise<number> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json', 'content-length': body.length };
    const call = request(url, { method: 'POST', agent, headers });
    call.on('error', reject).on('response', (response) => {
      response.resume().on('end', () => resolve(response.statusCode ?? 0));
    });
    call.end(body);
  });
}
