import { sql } from 'kysely';
import type { Job } from '../../../src/domain/jobs/jobs.js';
import type { Db } from '../../../src/postgres/database.js';
import type { Priority } from '../../../src/priority.js';

/** What operators ask of jobs, of a running system. */
export function jobsBy({ api, key }: { readonly api: string; readonly key: string }) {
  async function call<T>(method: 'GET' | 'POST', path: string, body?: object): Promise<T> {
    const response = await fetch(`${api}/api/admin/jobs${path}`, {
      method,
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      body: body && JSON.stringify(body),
    });
    if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}: ${await response.text()}`);
    return (await response.json()) as T;
  }
  return {
    begin: async (body: object) => (await call<{ job: Job }>('POST', '', { reason: 'a test', ...body })).job,
    /** Undefined while the api is away. */
    read: (id: string) => call<Job>('GET', `/${id}`).catch(() => undefined),
    stop: (id: string) => call<Job>('POST', `/${id}/stop`, {}),
    resume: (id: string) => call<Job>('POST', `/${id}/resume`, {}),
  };
}

/** How many e-mails of a client have had how many lives, and how many of their lives the job began. */
export async function livesOf(db: Db, clientId: string, jobId: string) {
  const { rows } = await sql<{ generation: number; by_job: number; emails: number }>`
    select e.generation, coalesce(v.n, 0) as by_job, count(*) as emails from emails e
      left join (select email_id, count(*) as n from email_events where metadata ->> 'job' = ${jobId} group by 1) v
        on v.email_id = e.id
    where e.client_id = ${clientId} group by 1, 2 order by 1, 2`.execute(db);
  return rows;
}

/** Many e-mails in the dead letter store at once, as `insertDeadEmail` leaves each; benches use it, too, which have no vitest. */
export async function insertDeadEmails(
  db: Db,
  options: { readonly clientId: string; readonly count: number; readonly priority?: Priority; readonly code?: string },
): Promise<void> {
  const { clientId, count, priority = 'low', code = 'http_401' } = options;
  await sql`
    with made as (
      insert into emails (id, client_id, priority, sender, receiver, receiver_address, subject, content, content_type,
        metadata, status, created_at, due_at, deadline_at)
      select uuidv7(), ${clientId}, ${priority}, 'shop@example.com', 'reader@example.org', 'reader@example.org',
        'Your order', 'Thank you.', 'text/plain', '{}', 'dead', now(), now(), now() from generate_series(1, ${count})
      returning id),
    told as (
      insert into email_events (email_id, event_key, type, generation, occurred_at, metadata)
      select id, 'tempost:g1:' || type, type, 1, now(), '{}' from made, unnest(array['queued', 'dead']) as type),
    tried as (
      insert into send_attempts (email_id, generation, attempt, provider, state, started_at, call_until, code)
      select id, 1, 1, 'mailgun', 'refused', now(), now(), ${code} from made)
    insert into dead_emails (email_id, generation, reason, client_id, priority, code, provider)
    select id, 1, 'lifetime_over', ${clientId}, ${priority}, ${code}, 'mailgun' from made`.execute(db);
}
