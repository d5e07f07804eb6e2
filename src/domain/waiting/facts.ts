import { sql } from 'kysely';
import type { ProviderName } from '../../config.js';
import type { Db } from '../../postgres/database.js';
import type { QueueState } from '../../postgres/schema.js';
import type { Priority } from '../../priority.js';
import { activeHold } from '../holds/match.js';

/** What the record says of an e-mail that is in the queue, as one statement sees it. */
export interface QueuedFacts {
  readonly priority: Priority;
  readonly sender: string;
  readonly onlyProvider: ProviderName | null;
  readonly state: QueueState;
  readonly dueAt: Date;
  readonly isDue: boolean;
  /** Of one that awaits a provider: those it may go to, and from when it may be woken. */
  readonly providers: readonly ProviderName[] | null;
  readonly readyAt: Date | null;
  /** A hold concerns it, whether or not it has been met by it yet. */
  readonly held: boolean;
  readonly paused: boolean;
  readonly pausedInTemporal: boolean;
  /** Calls of this generation; of the open one, whether it may still be going on. */
  readonly attempts: number;
  readonly open: 'calling' | 'unknown' | null;
}

/** @returns undefined when nothing is left to be done for an e-mail, or there is none of that id. */
export async function readQueuedFacts(db: Db, emailId: string): Promise<QueuedFacts | undefined> {
  const { rows } = await sql<QueuedFacts>`
    select e.priority, e.sender, e.only_provider as "onlyProvider", q.state, q.due_at as "dueAt",
      q.due_at <= now() as "isDue", q.providers, q.ready_at as "readyAt",
      (select id from (${activeHold}) active) is not null as held, c.paused_at is not null as paused, c.temporal_paused_at is not null as "pausedInTemporal",
      (select count(*) from send_attempts a
        where a.email_id = ${emailId} and a.generation = q.generation) as attempts,
      (select case when a.state = 'calling' and a.call_until > clock_timestamp() then 'calling' else 'unknown' end
        from send_attempts a where a.email_id = ${emailId} and a.generation = q.generation
          and a.state in ('calling', 'ambiguous')) as open
    from emails e join email_queue q on q.email_id = e.id join queue_controls c on c.priority = e.priority
    where e.id = ${emailId} and q.email_id = ${emailId}`.execute(db);
  return rows[0];
}
