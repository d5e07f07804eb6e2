import { cancelEmail } from '../../../src/domain/actions/cancel.js';
import { retryEmail } from '../../../src/domain/actions/retry.js';
import { recordOutcome } from '../../../src/domain/attempts/outcomes.js';
import { askPermission } from '../../../src/domain/attempts/permission.js';
import { abandon, findOpenAttempt, markOutcomeUnknown } from '../../../src/domain/attempts/unknown-outcomes.js';
import { SHIPPED_STATUSES } from '../../../src/domain/emails/statuses.js';
import { mergeServiceLevels } from '../../../src/domain/service-levels/merge.js';
import type { Db } from '../../../src/postgres/database.js';
import type { Priority } from '../../../src/priority.js';
import type { SendResult } from '../../../src/providers/provider.js';
import { insertQueuedEmail } from '../emails.js';
import { storeEvents } from '../provider-events.js';

const DEADLINE_MS = { critical: 15_000, medium: 900_000, low: 3_600_000 };
/** What is known of an e-mail beside the record. */
export interface Known {
  readonly id: string;
  readonly client: string;
  readonly priority: Priority;
  readonly deadline: Date;
  /** When a provider was first seen to have it. */
  handedOver?: Date;
}

export type Step =
  | { readonly do: 'try'; readonly provider: 'mailgun' | 'mandrill'; readonly answer: SendResult | 'killed' }
  | { readonly do: 'webhook'; readonly type: string; readonly ageS: number }
  | { readonly do: 'bury' | 'again' | 'retry' | 'cancel' | 'merge' };

async function generationOf(db: Db, id: string): Promise<number> {
  const { generation } = await db
    .selectFrom('emails')
    .select('generation')
    .where('id', '=', id)
    .executeTakeFirstOrThrow();
  return generation;
}

/** One thing that happens to an e-mail, by the functions that the processes use. */
export async function live(db: Db, email: Known, one: Step): Promise<void> {
  const { id } = email;
  const generation = await generationOf(db, id);
  if (one.do === 'try') {
    const { provider, answer } = one;
    const request = { emailId: id, generation, provider, dispatchedAtMs: 0, callTimeoutMs: 0, lifetimeMs: 1e9 };
    const permission = await askPermission(db, request, SHIPPED_STATUSES);
    if (permission.kind !== 'granted' || answer === 'killed') return;
    const call = { emailId: id, generation, attempt: permission.attempt, provider };
    const outcome = { result: answer, lastOfRound: true, noted: false };
    await recordOutcome(db, call, outcome, SHIPPED_STATUSES);
    // A worker that was killed after the commit writes it again.
    await recordOutcome(db, call, outcome, SHIPPED_STATUSES);
  } else if (one.do === 'webhook') {
    const attempt = await db
      .selectFrom('send_attempts')
      .select(['generation', 'attempt', 'provider'])
      .where('email_id', '=', id)
      .orderBy('started_at')
      .executeTakeFirst();
    if (!attempt) return;
    const occurredAt = new Date(Date.now() - one.ageS * 1000);
    const told = { ...attempt, type: one.type, occurredAt, providerMessageId: null, metadata: {} };
    await storeEvents(db, id, [{ ...told, providerEventId: `${attempt.generation}-${attempt.attempt}-${one.type}` }]);
  } else if (one.do === 'retry') {
    const by = 'operator' as const;
    await retryEmail(db, { emailId: id, clientId: null, by, deadlineMs: DEADLINE_MS }, SHIPPED_STATUSES);
  } else if (one.do === 'cancel') await cancelEmail(db, null, id, SHIPPED_STATUSES);
  else if (one.do === 'merge') await mergeServiceLevels(db);
  else {
    const open = await findOpenAttempt(db, id, generation);
    if (!open || open.state === 'accepted') return;
    if (open.state === 'calling') await markOutcomeUnknown(db, open, 'no_answer', SHIPPED_STATUSES);
    await abandon(db, open, one.do === 'bury' ? 'bury' : 'send_again', SHIPPED_STATUSES);
  }
}

/** An e-mail as it is accepted. @param dueInS seconds from now; negative for the past. */
export async function accept(db: Db, client: string, priority: Priority, dueInS: number): Promise<Known> {
  const deadlineInS = dueInS + DEADLINE_MS[priority] / 1000;
  const id = await insertQueuedEmail(db, { clientId: client, priority, dueInS, deadlineInS });
  const { deadline_at: deadline } = await db
    .selectFrom('emails')
    .select('deadline_at')
    .where('id', '=', id)
    .executeTakeFirstOrThrow();
  return { id, client, priority, deadline };
}
