import type { ProviderName } from '../../config.js';
import { eventKey } from '../../domain/emails/event-rows.js';
import { projectStatus } from '../../domain/emails/projection.js';
import { SHIPPED_STATUSES } from '../../domain/emails/statuses.js';
import type { AttemptState, DeadReason, QueueState } from '../../postgres/schema.js';
import type { Priority } from '../../priority.js';
import { receiver, type SeededClient } from './clients.js';
import { type Chance, uuidAt } from './random.js';

export type Row = Record<string, unknown>;

/** The tables that an e-mail's life is written into, in the order in which rows may refer to one another. */
export const TABLES = [
  'emails',
  'email_events',
  'send_attempts',
  'email_queue',
  'dead_emails',
  'suppressions',
] as const;
export type SeededTable = (typeof TABLES)[number];

const HOUR_MS = 3_600_000;
const DEADLINE_MS: Readonly<Record<Priority, number>> = { critical: 15_000, medium: 900_000, low: HOUR_MS };
/** How long an e-mail waits to be dispatched, in the middle. */
const WAIT_MS: Readonly<Record<Priority, number>> = { critical: 150, medium: 4_000, low: 90_000 };
const CALL_MS = 30_000;

interface StoryOptions {
  readonly chance: Chance;
  readonly client: SeededClient;
  readonly priority: Priority;
  readonly createdAt: Date;
}

/** One e-mail's life, told event by event; what it is in the end is projected as always. */
export class Story {
  readonly chance: Chance;
  readonly id: string;
  /** The moment that has been told up to. */
  at: Date;
  #generation = 1;
  #attempt = 0;
  readonly #options: StoryOptions;
  readonly #email: Row & { receiver_address: string };
  readonly #rows: Record<Exclude<SeededTable, 'emails'>, Row[]> = {
    email_events: [],
    send_attempts: [],
    email_queue: [],
    dead_emails: [],
    suppressions: [],
  };

  constructor(options: StoryOptions) {
    const { chance, client, createdAt, priority } = options;
    const { name, address } = receiver(chance);
    this.#options = options;
    this.chance = chance;
    this.id = uuidAt(createdAt);
    this.at = createdAt;
    this.#email = {
      id: this.id,
      client_id: client.id,
      priority,
      sender: client.sender,
      receiver: chance.happens(0.5) ? `${name} <${address}>` : address,
      receiver_address: address,
      subject: client.subject(chance),
      content: client.content(name),
      content_type: 'text/plain',
      metadata: { order: String(chance.below(1e8)), source: 'seed' },
      tags: client.tags,
      created_at: createdAt,
      due_at: createdAt,
      deadline_at: new Date(createdAt.getTime() + DEADLINE_MS[priority]),
      dispatched_at: null,
      sent_at: null,
      cancelled_at: null,
      provider: null,
      provider_message_id: null,
    };
  }

  get priority(): Priority {
    return this.#options.priority;
  }

  /** Lets time go by. @param medianMs in the middle; it varies. */
  wait(medianMs: number): this {
    this.at = new Date(this.at.getTime() + this.chance.durationMs(medianMs));
    return this;
  }

  /** Lets its deadline pass, and some minutes more. */
  late(): this {
    this.at = new Date(Math.max(this.at.getTime(), (this.#email.deadline_at as Date).getTime()));
    return this.wait(4 * 60_000);
  }

  scheduled(dueAt: Date): this {
    this.#email.due_at = dueAt;
    this.#email.deadline_at = new Date(dueAt.getTime() + DEADLINE_MS[this.priority]);
    return this.#ofGeneration('scheduled');
  }

  queued(): this {
    return this.#ofGeneration('queued');
  }

  /** @param medianMs how long it has waited for that, in the middle. */
  dispatched(medianMs = WAIT_MS[this.priority]): this {
    this.wait(medianMs);
    this.#email.dispatched_at ??= this.at;
    return this;
  }

  /** A call to a provider begins, and comes to this. @param code why it did not go through. */
  call(provider: ProviderName, state: AttemptState, code: string | null = null): this {
    this.#attempt += 1;
    const startedAt = this.at;
    this.#ofAttempt('sending', provider);
    if (state !== 'calling') this.wait(250);
    const messageId = `${this.id}.${this.#generation}@mail.example.com`;
    this.#rows.send_attempts.push({
      email_id: this.id,
      generation: this.#generation,
      attempt: this.#attempt,
      provider,
      state,
      started_at: startedAt,
      call_until: new Date(startedAt.getTime() + CALL_MS),
      finished_at: state === 'calling' || state === 'ambiguous' ? null : this.at,
      provider_message_id: state === 'accepted' ? messageId : null,
      code,
    });
    if (state === 'rejected') this.#ofAttempt('failed', provider, { code });
    if (state === 'refused') this.#ofAttempt('retrying', provider, { code });
    if (state === 'ambiguous') this.#ofAttempt('unconfirmed', provider, { code });
    if (state === 'accepted') this.#taken(provider, messageId);
    return this;
  }

  /** The evidence comes: the provider has had it since the call that seemed lost. */
  adopted(provider: ProviderName): this {
    const attempt = this.#rows.send_attempts.at(-1) as Row;
    const messageId = `${this.id}.${this.#generation}@mail.example.com`;
    Object.assign(attempt, { state: 'accepted', finished_at: this.at, provider_message_id: messageId });
    this.#taken(provider, messageId);
    return this;
  }

  /** A provider tells something by webhook. */
  told(type: string, provider: ProviderName, metadata: Row = {}): this {
    const providerId = `seed-${this.chance.below(2 ** 32).toString(36)}${this.chance.below(2 ** 32).toString(36)}`;
    return this.#event(eventKey.ofProvider(provider, providerId), type, provider, metadata, providerId);
  }

  /** The provider has it, and says nothing more. */
  unheard(provider: ProviderName): this {
    return this.#ofAttempt('quiet', provider);
  }

  cancelled(): this {
    this.#email.cancelled_at = this.at;
    return this.#ofGeneration('cancelled');
  }

  suppressed(): this {
    return this.#ofGeneration('suppressed');
  }

  died(reason: DeadReason): this {
    this.#ofGeneration('dead', { reason });
    const last = this.#rows.send_attempts.at(-1);
    this.#rows.dead_emails.push({
      email_id: this.id,
      generation: this.#generation,
      reason,
      died_at: this.at,
      client_id: this.#email.client_id,
      priority: this.priority,
      code: last?.code ?? null,
      provider: last?.provider ?? null,
      resolved_at: null,
      resolution: null,
    });
    return this;
  }

  /** An operator has done something about the dead letter; a retry begins another life. */
  resolved(resolution: 'retried' | 'discarded'): this {
    Object.assign(this.#rows.dead_emails.at(-1) as Row, { resolved_at: this.at, resolution });
    if (resolution === 'discarded') return this;
    this.#generation += 1;
    this.#attempt = 0;
    const deadline_at = new Date(this.at.getTime() + DEADLINE_MS[this.priority]);
    Object.assign(this.#email, { due_at: this.at, deadline_at, dispatched_at: null });
    return this.#ofGeneration('queued');
  }

  /** Its receiver must not be written to any more, or (by hand) not for a while already. */
  suppresses(reason: 'bounced' | 'complained' | 'unsubscribed' | 'manual'): this {
    this.#rows.suppressions.push({
      client_id: this.#email.client_id,
      address: this.#email.receiver_address,
      reason,
      email_id: reason === 'manual' ? null : this.id,
      created_at: reason === 'manual' ? new Date(this.#options.createdAt.getTime() - 24 * HOUR_MS) : this.at,
    });
    return this;
  }

  /** It has something to become still: a running system takes it up from here, as after a crash. */
  inWork(state: QueueState, checkAt: Date | null = null): this {
    const { due_at, dispatched_at } = this.#email;
    this.#rows.email_queue.push({
      email_id: this.id,
      priority: this.priority,
      generation: this.#generation,
      state,
      due_at,
      dispatched_at,
      check_at: checkAt,
    });
    return this;
  }

  /** The rows of it, with the status that its events make. */
  rows(): Readonly<Record<SeededTable, readonly Row[]>> {
    const events = this.#rows.email_events as unknown as Parameters<typeof projectStatus>[0];
    const status = projectStatus(events, SHIPPED_STATUSES);
    return { ...this.#rows, emails: [{ ...this.#email, generation: this.#generation, status }] };
  }

  #taken(provider: ProviderName, messageId: string): void {
    this.#email.sent_at ??= this.at;
    this.#email.provider ??= provider;
    this.#email.provider_message_id ??= messageId;
    this.#ofAttempt('sent', provider);
  }

  #ofGeneration(type: string, metadata: Row = {}): this {
    return this.#event(eventKey.ofGeneration(type, this.#generation), type, null, metadata);
  }

  #ofAttempt(type: string, provider: ProviderName, metadata: Row = {}): this {
    const key = eventKey.ofAttempt(type, this.#generation, this.#attempt);
    return this.#event(key, type, provider, metadata);
  }

  #event(key: string, type: string, provider: ProviderName | null, metadata: Row, providerId?: string): this {
    const ofGeneration = key === eventKey.ofGeneration(type, this.#generation);
    this.#rows.email_events.push({
      email_id: this.id,
      event_key: key,
      type,
      generation: this.#generation,
      attempt: ofGeneration ? null : this.#attempt,
      provider,
      provider_event_id: providerId ?? null,
      occurred_at: this.at,
      recorded_at: new Date(this.at.getTime() + this.chance.below(400)),
      metadata,
    });
    return this;
  }
}
