import { sql } from 'kysely';
import type { ProviderName } from '../../config.js';

/** Something that happened to an e-mail. */
export interface NewEvent {
  /** What makes it one: the same key twice is the same event. See `eventKey`. */
  readonly key: string;
  /** A status name, or any other word: kept all the same. */
  readonly type: string;
  readonly generation: number;
  /** Null when it concerns the generation as a whole. */
  readonly attempt: number | null;
  readonly provider?: ProviderName | null;
  readonly providerEventId?: string | null;
  /** Null: now, by the database's clock. */
  readonly occurredAt: Date | null;
  readonly metadata?: Record<string, unknown>;
}

/** Keys of events: a provider's own id within the provider, or ours from what the event is. */
export const eventKey = {
  ofProvider: (provider: ProviderName, id: string) => `${provider}:${id}`,
  ofGeneration: (type: string, generation: number) => `tempost:g${generation}:${type}`,
  ofAttempt: (type: string, generation: number, attempt: number) => `tempost:g${generation}:a${attempt}:${type}`,
};

/** An event of a generation as a whole; the same type twice is the same event. */
export function generationEvent(generation: number, type: string, metadata: Record<string, unknown> = {}): NewEvent {
  const key = eventKey.ofGeneration(type, generation);
  return { key, type, generation, attempt: null, occurredAt: new Date(), metadata };
}

/** An event as the columns of its row. `occurred_at` null: now, by the database's clock. */
export type EventRow = ReturnType<typeof toRow>;

/** @throws when its metadata cannot be written as JSON. */
export function toRow(emailId: string, event: NewEvent) {
  return {
    email_id: emailId,
    event_key: event.key,
    type: event.type,
    generation: event.generation,
    attempt: event.attempt,
    provider: event.provider ?? null,
    provider_event_id: event.providerEventId ?? null,
    occurred_at: event.occurredAt,
    metadata: JSON.stringify(event.metadata ?? {}),
  };
}

/** A row as an insertion takes it. */
export const rowOf = (row: EventRow) => ({
  email_id: row.email_id,
  event_key: row.event_key,
  type: row.type,
  generation: row.generation,
  attempt: row.attempt,
  provider: row.provider,
  provider_event_id: row.provider_event_id,
  occurred_at: sql<Date>`coalesce(${row.occurred_at}::timestamptz, clock_timestamp())`,
  metadata: row.metadata,
});
