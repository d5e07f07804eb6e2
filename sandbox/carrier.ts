import { randomBytes } from 'node:crypto';
import type { Inbox } from './inbox/inbox.js';
import { courseOf } from './magic.js';
import type { Happening, Message, MessageEvent } from './message.js';
import type { Store } from './store.js';
import { limit, pause } from './waiting.js';
import type { WebhookPoster } from './webhooks.js';

/** The inbox is ours and on this machine: when it does not answer, it is about to. */
const INBOX_RETRY_MS = 1000;

interface Needs {
  readonly store: Store;
  readonly webhooks: WebhookPoster;
  readonly inbox: Inbox | null;
  readonly timeScale: number;
  readonly stopping: AbortSignal;
}

/**
 * Carries taken messages along their course: into the inbox, or wherever a magic receiver leads.
 *
 * Where a message stands is what has happened to it, so after a restart it goes on from there. One accepted call is
 * delivered once; only a crash between the inbox's answer and our journal line can deliver it a second time.
 */
export class Carrier {
  private readonly underway = new Map<string, Promise<void>>();
  private readonly inboxTurn = limit(4);

  constructor(private readonly needs: Needs) {}

  /** Takes up everything that a restart interrupted. */
  resume(): void {
    const { store } = this.needs;
    for (const message of store.allMessages()) {
      if (!courseOf(message).every((step) => store.hasHappened(message.id, step.type))) this.start(message);
    }
  }

  /** Begins to carry a message, if nobody does yet. */
  start(message: Message): void {
    if (this.underway.has(message.id)) return;
    this.underway.set(
      message.id,
      this.carry(message).finally(() => this.underway.delete(message.id)),
    );
  }

  /** Settles once nothing is being carried any more: soon, when the sandbox is stopping. */
  async idle(): Promise<void> {
    await Promise.all(this.underway.values());
  }

  /** Notes that something happened to a message and lets the provider's webhook tell of it. */
  record(message: Message, type: Happening): void {
    // Forgotten by a reset while it was underway.
    if (!this.needs.store.message(message.id)) return;
    const event: MessageEvent = {
      id: randomBytes(16).toString('base64url'),
      messageId: message.id,
      type,
      atMs: Date.now(),
      webhook: this.needs.webhooks.tellsOf(message.provider, type),
      token: randomBytes(25).toString('hex'),
    };
    this.needs.store.addEvent(event);
    if (event.webhook) this.needs.webhooks.enqueue(event);
  }

  private async carry(message: Message): Promise<void> {
    const { store, stopping, timeScale } = this.needs;
    if (stopping.aborted) return;
    if (message.refusal === null) this.recordOnce(message, 'accepted');
    for (const step of courseOf(message)) {
      if (store.hasHappened(message.id, step.type)) continue;
      const dueMs = message.acceptedAtMs + message.heldMs + step.afterMs * timeScale;
      if (!(await pause(dueMs - Date.now(), stopping))) return;
      if (step.type === 'delivered' && !(await this.inboxTurn(() => this.deliver(message)))) return;
      this.recordOnce(message, step.type);
      if (step.type === 'delivered') await store.dropMail(message.id);
    }
  }

  private recordOnce(message: Message, type: Happening): void {
    if (!this.needs.store.hasHappened(message.id, type)) this.record(message, type);
  }

  /** True once the inbox has the mail; false when the sandbox stops before. */
  private async deliver(message: Message): Promise<boolean> {
    const { inbox, store, stopping } = this.needs;
    // Without its raw mail a message was taken with the inbox off, or has been forgotten.
    while (inbox && store.hasMail(message.id)) {
      try {
        await inbox.deliver(message, store.mailPath(message.id));
        return true;
      } catch (error) {
        if (!stopping.aborted) process.stderr.write(`sandbox: inbox did not take ${message.id}: ${String(error)}\n`);
        if (!(await pause(INBOX_RETRY_MS, stopping))) return false;
      }
    }
    return true;
  }
}
