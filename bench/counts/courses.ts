import { randomBytes } from 'node:crypto';
import { mailgunWebhook } from '../../sandbox/mailgun/events.js';
import { mandrillWebhook } from '../../sandbox/mandrill/events.js';
import type { Message, MessageEvent } from '../../sandbox/message.js';
import type { Stack } from '../../test/support/stack.js';
import { until } from '../../test/support/until.js';
import { Submitter } from '../harness/submit.js';
import type { World } from '../harness/world.js';
import type { Course } from './attribution.js';
import { countHistory, type HistoryCounts, since } from './history.js';
import type { Kind } from './metrics.js';

/** As `stackEnvironment` configures them. */
const MAILGUN_SIGNING_KEY = 'sandbox-signing-key';
const MANDRILL_WEBHOOK_KEY = 'sandbox-webhook-key';
const ATTACHED_BYTES = 100_000;
/** The sandbox tells nobody by itself: each webhook is posted when the workflow waits for it, on any machine. */
const SILENT = { webhooks: { loseFraction: 1 } };

/** What was seen of an e-mail beside the statements of its transactions. */
export interface Seen extends Course {
  readonly history: HistoryCounts;
  /** Its webhook "delivered", until its workflow had heard and nothing was left of it. */
  readonly delivered: { readonly fromMs: number; readonly untilMs: number; readonly history: HistoryCounts };
}

/**
 * Takes e-mails through their lives one after the other, each step when the one before has come to rest, so that what
 * they cost does not depend on what meets what.
 */
export class Courses {
  private readonly submitter: Submitter;
  private number = 0;

  constructor(
    private readonly world: World,
    private readonly stack: Stack,
  ) {
    this.submitter = world.own(new Submitter(stack.api, stack.key), (it) => it.close());
  }

  /** From its submission until its workflow has ended and nothing is left to be done for it. */
  async take(kind: Exclude<Kind, 'webhook'>): Promise<Seen> {
    await this.prepare(kind);
    const fromMs = Date.now();
    // Addresses of one length, whatever the number.
    const receiver = `reader-${String(++this.number).padStart(4, '0')}@example.org`;
    const attachment = kind === 'attached' ? randomBytes(ATTACHED_BYTES) : undefined;
    const { id } = await this.submitter.submit({ priority: 'medium', receiver, attachment });
    if (kind === 'attached') await this.uploadBeforeAnswer(id);
    await this.comesTo(id, 'awaiting delivery');

    const before = await countHistory(this.world, `email-${id}`);
    const postedAtMs = Date.now();
    await this.post(id, 'delivered');
    await this.comesTo(id, 'awaiting open');
    await this.rests(id);
    const restedAtMs = Date.now();
    const history = since(before, await countHistory(this.world, `email-${id}`));

    await this.post(id, 'opened');
    await until(`the workflow of ${id} has ended`, async () => (await this.describe(id)).status.name === 'COMPLETED');
    await this.rests(id);
    return {
      emailId: id,
      fromMs,
      untilMs: Date.now(),
      history: await countHistory(this.world, `email-${id}`),
      delivered: { fromMs: postedAtMs, untilMs: restedAtMs, history },
    };
  }

  /** No failures of before, no probe of their cause, and the faults of the kind. */
  private async prepare(kind: Exclude<Kind, 'webhook'>): Promise<void> {
    await this.world.query(
      `update provider_health bench set state = 'closed', failures = 0, misconfigured = false, openings = 0,
         probed_at = 'infinity'`,
    );
    await this.stack.setFaults({
      mailgun: { ...SILENT, down: kind === 'failed_over' },
      mandrill: SILENT,
      ...(kind === 'attached' && { pausePoint: 'after_taking_before_answer', pauseTimes: 1 }),
    });
  }

  /** Upload and call run side by side: the provider answers when the upload is over, and its workflow has heard it. */
  private async uploadBeforeAnswer(id: string): Promise<void> {
    await until('the provider has the message', async () => {
      const response = await fetch(`${this.stack.sandbox}/sandbox/held`);
      return ((await response.json()) as { held: unknown[] }).held.length === 1;
    });
    await until(`the attachment of ${id} is uploaded`, async () => {
      const { raw } = await this.describe(id);
      return raw.pendingActivities?.length === 1 && !raw.pendingWorkflowTask;
    });
    await fetch(`${this.stack.sandbox}/sandbox/release`, { method: 'POST' });
  }

  private describe(id: string) {
    return this.world.temporal.workflow.getHandle(`email-${id}`).describe();
  }

  private async comesTo(id: string, stage: string): Promise<void> {
    const handle = this.world.temporal.workflow.getHandle(`email-${id}`);
    await until(`${id} is ${stage}`, async () => (await handle.query('status')) === stage);
  }

  /** No signal to its workflow is left to be brought. */
  private async rests(id: string): Promise<void> {
    await until(`nothing is left to be told of ${id}`, async () => {
      const rows = await this.world.query('select from pending_signals bench where email_id = $1', [id]);
      return rows.length === 0;
    });
  }

  /** Posts a webhook as the provider that took it would. */
  private async post(emailId: string, type: 'delivered' | 'opened'): Promise<void> {
    const found = await fetch(`${this.stack.sandbox}/sandbox/messages?email_id=${emailId}`);
    const [message] = (await found.json()) as [Message];
    const event: MessageEvent = {
      id: randomBytes(16).toString('hex'),
      messageId: message.id,
      type,
      atMs: Date.now(),
      webhook: true,
      token: randomBytes(25).toString('hex'),
    };
    const url = `${this.stack.webhooks}/webhooks/${message.provider}`;
    const request =
      message.provider === 'mailgun'
        ? mailgunWebhook(message, event, MAILGUN_SIGNING_KEY)
        : mandrillWebhook([{ message, event }], url, MANDRILL_WEBHOOK_KEY);
    const response = await fetch(url, { method: 'POST', ...request });
    if (response.status !== 200) throw new Error(`the webhook was answered with ${response.status}`);
  }
}
