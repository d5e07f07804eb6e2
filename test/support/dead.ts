import { sql } from 'kysely';
import { expect } from 'vitest';
import { bury } from '../../src/domain/dead-letters/dead-letters.js';
import { lockEmail } from '../../src/domain/emails/events.js';
import { SHIPPED_STATUSES } from '../../src/domain/emails/statuses.js';
import type { Db } from '../../src/postgres/database.js';
import type { AttemptState, DeadReason } from '../../src/postgres/schema.js';
import type { OperatedApi } from './api.js';
import { insertQueuedEmail, type QueuedEmailOptions } from './emails.js';

export interface InsertedAttempt {
  readonly provider?: 'mailgun' | 'mandrill' | 'smtp';
  readonly state: AttemptState;
  readonly code?: string;
  readonly generation?: number;
  /** Until when the call may last, in seconds from now. */
  readonly callUntilS?: number;
}

/** Adds attempts to an e-mail, numbered from 1. */
export async function insertAttempts(db: Db, emailId: string, attempts: readonly InsertedAttempt[]): Promise<void> {
  for (const [index, attempt] of attempts.entries()) {
    await db
      .insertInto('send_attempts')
      .values({
        email_id: emailId,
        generation: attempt.generation ?? 1,
        attempt: index + 1,
        provider: attempt.provider ?? 'mailgun',
        state: attempt.state,
        started_at: sql<Date>`now()`,
        call_until: sql<Date>`now() + make_interval(secs => ${attempt.callUntilS ?? 0})`,
        code: attempt.code ?? null,
      })
      .execute();
  }
}

/** An e-mail in the dead letter store. @returns its id. */
export async function insertDeadEmail(
  db: Db,
  options: QueuedEmailOptions & { reason?: DeadReason; attempts?: readonly InsertedAttempt[] } = {},
): Promise<string> {
  const id = await insertQueuedEmail(db, { state: 'in_flight', ...options });
  await insertAttempts(db, id, options.attempts ?? [{ state: 'refused', code: 'http_503' }]);
  await db.transaction().execute(async (trx) => {
    await bury(trx, (await lockEmail(trx, id))!, options.reason ?? 'lifetime_over', SHIPPED_STATUSES);
  });
  return id;
}

/** What tests of dead letters ask the api, as an operator unless another key is given. */
export function deadLettersBy(api: () => OperatedApi) {
  return {
    async list(query: string, key = api().operator.key): Promise<ListedDeadLetters> {
      const response = await api().get(`/api/dead-letters${query}`, key);
      expect(response.status).toBe(200);
      return (await response.json()) as ListedDeadLetters;
    },
    retry: (id: string, body: object = {}, key = api().operator.key) =>
      api().post(`/api/dead-letters/${id}/retry`, body, key),
    letterOf: (id: string) =>
      api().db.selectFrom('dead_emails').selectAll().where('email_id', '=', id).executeTakeFirstOrThrow(),
  };
}

interface ListedDeadLetters {
  readonly dead_letters: readonly { id: string; reason: string; code: string; receiver: string }[];
  readonly next_cursor: string | null;
}

export const idsOf = ({ dead_letters }: ListedDeadLetters) => dead_letters.map(({ id }) => id);
