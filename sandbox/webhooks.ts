import type { SandboxOptions } from './config.js';
import { chance, type FaultTable } from './faults/faults.js';
import { mailgunWebhook } from './mailgun/events.js';
import { MANDRILL_EVENTS, mandrillWebhook } from './mandrill/events.js';
import type { Happening, MessageEvent, ProviderName } from './message.js';
import type { Store } from './store.js';
import { limit, pause } from './waiting.js';

const MINUTE_MS = 60_000;
/** Mailgun's documented schedule; Mandrill, whose own is not documented in figures, gets the same. */
const RETRY_AFTER_MS = [5, 10, 15, 60, 120, 240].map((minutes) => minutes * MINUTE_MS);
/** Mandrill gathers events and posts about once a minute, at most so many at a time. */
const MANDRILL_BATCH_EVERY_MS = MINUTE_MS;
const MANDRILL_BATCH_SIZE = 1000;
/** Mailgun's documented way of being told to stop trying. */
const STOP_RETRYING = 406;
const POST_TIMEOUT_MS = 30_000;
/** How far the `shuffle` fault spreads posts, at least. */
const SHUFFLE_MS = 1000;

interface Needs {
  readonly options: SandboxOptions;
  readonly store: Store;
  readonly faults: FaultTable;
  readonly stopping: AbortSignal;
}

/** One HTTP request of one provider's webhook: a single event of Mailgun, a batch of Mandrill. */
interface Post {
  readonly provider: ProviderName;
  readonly events: readonly MessageEvent[];
}

/** Posts signed webhooks and repeats them as the providers do until they are confirmed. What is owed is in the store. */
export class WebhookPoster {
  private readonly turn = limit(20);
  private mandrillGathered: MessageEvent[] = [];
  private readonly batching: NodeJS.Timeout;
  private urls: Record<ProviderName, string | null>;

  constructor(private readonly needs: Needs) {
    const { options } = needs;
    this.urls = { mailgun: options.mailgun.webhookUrl, mandrill: options.mandrill.webhookUrl };
    this.batching = setInterval(() => this.postGathered(), MANDRILL_BATCH_EVERY_MS * options.timeScale);
  }

  /** Where webhooks go from now on; null: none are sent. */
  setUrls(urls: Partial<Record<ProviderName, string | null>>): void {
    this.urls = { ...this.urls, ...urls };
  }

  /** Whether a provider's webhook tells of such an event, as its settings stand. */
  tellsOf(provider: ProviderName, type: Happening): boolean {
    if (this.urls[provider] === null) return false;
    if (provider === 'mandrill') return MANDRILL_EVENTS[type] !== undefined;
    return type !== 'accepted' || this.needs.options.mailgun.acceptedWebhook;
  }

  /** Takes up everything that a restart interrupted. */
  resume(): void {
    for (const event of this.needs.store.owedWebhooks()) this.post(event);
  }

  /** Lets the webhook tell of a new event, through the faults that are on. */
  enqueue(event: MessageEvent): void {
    const provider = this.providerOf(event);
    if (!provider) return;
    const { loseFraction, delayMs, shuffle, repeat } = this.needs.faults.of(provider).webhooks;
    if (chance(loseFraction)) {
      this.needs.store.markTold(event.id);
      return;
    }
    const delay = () => delayMs + (shuffle ? Math.random() * Math.max(SHUFFLE_MS, delayMs) : 0);
    this.postAfter(event, delay());
    for (let copy = 0; copy < repeat; copy += 1) this.postAfter(event, delay());
  }

  stop(): void {
    clearInterval(this.batching);
  }

  private providerOf(event: MessageEvent): ProviderName | undefined {
    return this.needs.store.message(event.messageId)?.provider;
  }

  private postAfter(event: MessageEvent, delayMs: number): void {
    void pause(delayMs, this.needs.stopping).then((running) => {
      if (running) this.post(event);
    });
  }

  private post(event: MessageEvent): void {
    const provider = this.providerOf(event);
    if (provider === 'mandrill') this.mandrillGathered.push(event);
    else if (provider === 'mailgun') void this.tell({ provider, events: [event] });
  }

  private postGathered(): void {
    const events = this.mandrillGathered;
    this.mandrillGathered = [];
    for (let start = 0; start < events.length; start += MANDRILL_BATCH_SIZE) {
      void this.tell({ provider: 'mandrill', events: events.slice(start, start + MANDRILL_BATCH_SIZE) });
    }
  }

  /** One post with all its repetitions. */
  private async tell(post: Post): Promise<void> {
    const { store, stopping, options } = this.needs;
    for (const retryAfterMs of [...RETRY_AFTER_MS, null]) {
      const status = await this.turn(() => this.request(post));
      if (stopping.aborted) return;
      const done = (status >= 200 && status < 300) || status === STOP_RETRYING || retryAfterMs === null;
      if (done) {
        for (const event of post.events) store.markTold(event.id);
        return;
      }
      if (!(await pause(retryAfterMs * options.timeScale, stopping))) return;
    }
  }

  /** Posts once; the status of the answer, 0 when there was none. */
  private async request({ provider, events }: Post): Promise<number> {
    const url = this.urls[provider];
    const { store, faults, options, stopping } = this.needs;
    const told = events.flatMap((event) => {
      const message = store.message(event.messageId);
      return message ? [{ message, event }] : [];
    });
    if (url === null || told.length === 0) return STOP_RETRYING;
    const badSignature = faults.of(provider).webhooks.badSignature;
    const request =
      provider === 'mailgun'
        ? mailgunWebhook(told[0]!.message, told[0]!.event, badSignature ? 'wrong' : options.mailgun.signingKey)
        : mandrillWebhook(told, url, badSignature ? 'wrong' : options.mandrill.webhookKey);
    try {
      const answer = await fetch(url, {
        method: 'POST',
        ...request,
        redirect: 'manual',
        signal: AbortSignal.any([stopping, AbortSignal.timeout(POST_TIMEOUT_MS)]),
      });
      await answer.arrayBuffer();
      return answer.status;
    } catch {
      return 0;
    }
  }
}
