import { sql } from 'kysely';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, insertClient, type TestDatabase } from '../../../test/support/database.js';
import { insertAttempts, insertDeadEmail } from '../../../test/support/dead.js';
import { insertQueuedEmail } from '../../../test/support/emails.js';
import { uuidFloor } from '../../postgres/partitions.js';
import type { ObjectStore } from '../../storage/object-store.js';
import { retryEmail } from '../actions/retry.js';
import { SHIPPED_STATUSES } from '../emails/statuses.js';
import { listItems } from './items.js';
import { beginJob, findJob, type JobTerms, listJobs, MOST_ACTIVE_JOBS, resumeJob, stopJob } from './jobs.js';
import { previewJob } from './preview.js';
import { runSlice } from './run-slice.js';

let database: TestDatabase;
let clientId: string;
beforeAll(async () => {
  database = await createTestDatabase();
  ({ id: clientId } = await insertClient(database.db));
});
afterAll(() => database?.drop());
afterEach(async () => {
  const { db } = database;
  await sql`truncate jobs, job_items, email_queue, dead_emails, send_attempts, email_events, emails cascade`.execute(
    db,
  );
});

const deadlineMs = { critical: 15_000, medium: 900_000, low: 3_600_000 };
const woken: string[] = [];
const context = () => ({
  db: database.db,
  catalogue: SHIPPED_STATUSES,
  deadlineMs,
  providers: ['mailgun', 'mandrill'] as const,
  tell: () => {},
  // No kind of these touches it.
  store: {} as ObjectStore,
  wake: (emailId: string) => void woken.push(emailId),
});
const range = { from: uuidFloor(new Date(0)), before: uuidFloor(new Date(Date.now() + 86_400_000)) };
const selection = (statuses: readonly string[], more: object = {}) => ({ filter: {}, statuses, range, ...more });

const begin = async (terms: Pick<JobTerms, 'kind' | 'parameters'> & { ratePerS?: number }) =>
  (await beginJob(database.db, { reason: 'test', ratePerS: 500, ...terms }))!;
const slice = (id: string, sliceMs = 0) => runSlice(context(), id, { sliceMs, signal: new AbortController().signal });

/** Slice after slice, as its workflow does. */
async function run(id: string) {
  for (;;) {
    const { state } = await slice(id);
    if (state !== 'planning' && state !== 'running') return (await findJob(database.db, id))!;
  }
}
const emailOf = (id: string) =>
  database.db
    .selectFrom('emails')
    .select(['status', 'generation', 'only_provider'])
    .where('id', '=', id)
    .executeTakeFirstOrThrow();
const setStatus = (id: string, status: string) =>
  database.db.updateTable('emails').set({ status }).where('id', '=', id).execute();

describe('a retry', () => {
  it('takes those that are dead, or what else is named, through the provider that is named', async () => {
    const dead = await insertDeadEmail(database.db, { clientId });
    const bounced = await insertDeadEmail(database.db, { clientId });
    await setStatus(bounced, 'bounced');
    await sql`insert into email_events (email_id, event_key, type, generation, occurred_at)
      values (${bounced}, 'b', 'bounced', 1, now())`.execute(database.db);
    const one = await run(await begin({ kind: 'retry', parameters: { selection: selection(['dead']) } }));
    expect(one).toMatchObject({ state: 'done', matched: 1, counts: { done: 1 } });
    expect(await emailOf(dead)).toMatchObject({ status: 'queued', generation: 2 });
    const parameters = { selection: selection(['failed', 'bounced']), through: 'mandrill' };
    expect(await run(await begin({ kind: 'retry', parameters }))).toMatchObject({ matched: 1, counts: { done: 1 } });
    expect(await emailOf(bounced)).toMatchObject({ status: 'queued', generation: 2, only_provider: 'mandrill' });
  });

  it('finds by the code and the provider of the last attempt, by the reason, and by the receiver’s domain', async () => {
    const attempts = [{ provider: 'mailgun', state: 'refused', code: 'http_401' }] as const;
    const wrongKey = await insertDeadEmail(database.db, { clientId, attempts, receiver: 'ada@other.example.org' });
    await insertDeadEmail(database.db, { clientId, reason: 'ambiguous' });
    for (const condition of [
      { code: 'http_401' },
      { code: 'http_401', provider: 'mailgun', deadReason: 'lifetime_over' },
      { receiverDomain: 'other.example.org' },
    ]) {
      const parameters = { selection: selection(['dead'], condition) };
      expect((await previewJob(context(), { kind: 'retry', parameters }, 5_000)).sample).toEqual([wrongKey]);
    }
    const parameters = { selection: selection(['dead'], { code: 'http_401', provider: 'mandrill' }) };
    expect(await previewJob(context(), { kind: 'retry', parameters }, 5_000)).toMatchObject({ matched: 0 });
  });

  it('skips what has changed since it was listed, and what may be in a call', async () => {
    const retried = await insertDeadEmail(database.db, { clientId });
    const calling = await insertDeadEmail(database.db, {
      clientId,
      attempts: [{ state: 'calling', callUntilS: 600 }],
    });
    const id = await begin({ kind: 'retry', parameters: { selection: selection(['dead']) } });
    await slice(id);
    await retryEmail(database.db, { emailId: retried, clientId: null, by: 'operator', deadlineMs }, SHIPPED_STATUSES);
    expect(await run(id)).toMatchObject({ counts: { done: 0, skipped: { changed: 1, attempt_open: 1 } } });
    expect(await emailOf(retried)).toMatchObject({ generation: 2 });
    expect(await emailOf(calling)).toMatchObject({ generation: 1 });
  });

  it('leaves discarded dead letters alone', async () => {
    const id = await insertDeadEmail(database.db, { clientId });
    await database.db.updateTable('dead_emails').set({ resolution: 'discarded', resolved_at: new Date() }).execute();
    expect(await run(await begin({ kind: 'retry', parameters: { selection: selection(['dead']) } }))).toMatchObject({
      matched: 0,
      state: 'done',
    });
    expect(await emailOf(id)).toMatchObject({ generation: 1 });
  });
});

describe('a retry with a corrected receiver', () => {
  const receiverOf = (id: string) =>
    database.db.selectFrom('emails').select(['receiver', 'receiver_address']).where('id', '=', id).executeTakeFirst();
  const setReceiver = (id: string, receiver: string) =>
    database.db.updateTable('emails').set({ receiver }).where('id', '=', id).execute();

  it('puts the domain right behind each address, and leaves names', async () => {
    const bare = await insertDeadEmail(database.db, { clientId, receiver: 'ada@exmaple.org' });
    const named = await insertDeadEmail(database.db, { clientId, receiver: 'grace@exmaple.org' });
    await setReceiver(named, '"Hopper @ home" <Grace@exmaple.org>');
    const other = await insertDeadEmail(database.db, { clientId, receiver: 'ada@other.example.org' });
    const parameters = {
      selection: selection(['dead'], { receiverDomain: 'exmaple.org' }),
      corrected: { domain: 'example.org' },
    };
    expect(await run(await begin({ kind: 'retry', parameters }))).toMatchObject({ matched: 2, counts: { done: 2 } });
    expect(await receiverOf(bare)).toEqual({ receiver: 'ada@example.org', receiver_address: 'ada@example.org' });
    expect(await receiverOf(named)).toEqual({
      receiver: '"Hopper @ home" <Grace@example.org>',
      receiver_address: 'grace@example.org',
    });
    expect(await receiverOf(other)).toMatchObject({ receiver: 'ada@other.example.org' });
  });

  it('leaves an e-mail as it was when its client has used up its limit, and goes on', async () => {
    const { id: limited } = await insertClient(database.db);
    await database.db.updateTable('clients').set({ daily_limit_medium: 1 }).where('id', '=', limited).execute();
    for (let n = 0; n < 2; n++) await insertDeadEmail(database.db, { clientId: limited, receiver: 'a@exmaple.org' });
    const corrected = { receiver: { submitted: 'a@example.org', address: 'a@example.org' } };
    const parameters = { selection: selection(['dead']), corrected };
    const job = await run(await begin({ kind: 'retry', parameters }));
    expect(job).toMatchObject({ matched: 2, counts: { done: 1, skipped: { limit_reached: 1 } } });
    const { rows } = await sql`select status, generation, receiver from emails order by generation`.execute(
      database.db,
    );
    expect(rows).toEqual([
      { status: 'dead', generation: 1, receiver: 'a@exmaple.org' },
      { status: 'queued', generation: 2, receiver: 'a@example.org' },
    ]);
  });
});

describe('a discard', () => {
  it('closes dead letters that have no code and no provider, each once, and leaves their e-mails retryable', async () => {
    const untried = await insertDeadEmail(database.db, { clientId, reason: 'stopped_in_temporal', attempts: [] });
    const tried = await insertDeadEmail(database.db, { clientId });
    const parameters = { selection: selection(['dead'], { withoutCode: true, withoutProvider: true }) };
    const terms = { kind: 'discard', parameters } as const;
    expect((await previewJob(context(), terms, 5_000)).sample).toEqual([untried]);
    expect(await run(await begin(terms))).toMatchObject({ matched: 1, counts: { done: 1 } });
    expect(await run(await begin(terms))).toMatchObject({ matched: 0 });
    const letters = await database.db.selectFrom('dead_emails').select(['email_id', 'resolution']).execute();
    expect(letters.find(({ email_id }) => email_id === untried)).toMatchObject({ resolution: 'discarded' });
    expect(letters.find(({ email_id }) => email_id === tried)).toMatchObject({ resolution: null });
    const request = { emailId: untried, clientId: null, by: 'operator', deadlineMs } as const;
    expect(await retryEmail(database.db, request, SHIPPED_STATUSES)).toMatchObject({ kind: 'retried' });
  });

  it('skips what was retried since it was listed', async () => {
    const retried = await insertDeadEmail(database.db, { clientId });
    const id = await begin({ kind: 'discard', parameters: { selection: selection(['dead']) } });
    await slice(id);
    await retryEmail(database.db, { emailId: retried, clientId: null, by: 'operator', deadlineMs }, SHIPPED_STATUSES);
    expect(await run(id)).toMatchObject({ counts: { done: 0, skipped: { changed: 1 } } });
    expect(await emailOf(retried)).toMatchObject({ status: 'queued', generation: 2 });
  });
});

describe('a cancellation', () => {
  it('cancels what no provider has, wakes what runs, and skips what is being sent or was', async () => {
    const waiting = await insertQueuedEmail(database.db, { clientId });
    const running = await insertQueuedEmail(database.db, { clientId, state: 'backing_off' });
    const calling = await insertQueuedEmail(database.db, { clientId, state: 'in_flight' });
    await insertAttempts(database.db, calling, [{ state: 'calling' }]);
    const parameters = { selection: selection(['scheduled', 'queued']) };
    expect(await previewJob(context(), { kind: 'cancel', parameters }, 5_000)).toMatchObject({
      matched: 3,
      complete: true,
      by_status: { queued: 3 },
      by_priority: { medium: 3 },
      by_client: { [clientId]: 3 },
      would_skip: { sending: 1 },
    });
    const id = await begin({ kind: 'cancel', parameters });
    expect(await run(id)).toMatchObject({ counts: { done: 2, skipped: { sending: 1 } } });
    expect([await emailOf(waiting), await emailOf(running)]).toMatchObject([
      { status: 'cancelled' },
      { status: 'cancelled' },
    ]);
    expect(woken).toContain(running);
    expect(await emailOf(calling)).toMatchObject({ status: 'queued' });
    const report = await listItems(database.db, id, { state: 'skipped' }, { after: 0, limit: 10 });
    expect(report).toMatchObject([{ target: calling, state: 'skipped', code: 'sending' }]);
  });
});

describe('a rerouting', () => {
  it('has what waits go through one provider, or through any again, and keeps life and deadline', async () => {
    const id = await insertQueuedEmail(database.db, { clientId, state: 'awaiting_provider' });
    await database.db
      .updateTable('email_queue')
      .set({ providers: ['mailgun'], ready_at: new Date() })
      .execute();
    const through = async (provider: string | null) =>
      run(await begin({ kind: 'reroute', parameters: { selection: selection(['queued']), through: provider } }));
    expect(await through('mandrill')).toMatchObject({ counts: { done: 1 } });
    expect(await emailOf(id)).toEqual({ status: 'queued', generation: 1, only_provider: 'mandrill' });
    const place = await database.db.selectFrom('email_queue').select('providers').executeTakeFirstOrThrow();
    expect(place.providers).toEqual(['mandrill']);
    expect(await through('mandrill')).toMatchObject({ counts: { skipped: { already: 1 } } });
    expect(await through(null)).toMatchObject({ counts: { done: 1 } });
    expect(await emailOf(id)).toMatchObject({ only_provider: null });
  });
});

describe('any job', () => {
  const parameters = { selection: selection(['dead']) };

  it('is stopped between two items, and goes on where it was', async () => {
    for (let n = 0; n < 5; n++) await insertDeadEmail(database.db, { clientId });
    const id = await begin({ kind: 'retry', parameters, ratePerS: 2 });
    await slice(id);
    await slice(id);
    expect(await stopJob(database.db, id)).toBe('stopped');
    expect(await slice(id)).toMatchObject({ state: 'stopped', stepped: 0 });
    expect(await findJob(database.db, id)).toMatchObject({ state: 'stopped', counts: { pending: 4, done: 1 } });
    expect([await stopJob(database.db, id), await resumeJob(database.db, id)]).toEqual(['over', 'resumed']);
    await database.db.updateTable('jobs').set({ rate_per_s: 500 }).execute();
    expect(await run(id)).toMatchObject({ state: 'done', counts: { pending: 0, done: 5 } });
    expect(await resumeJob(database.db, id)).toBe('over');
  });

  it('goes on behind an item that cannot be done, and says why', async () => {
    const ids = [await insertDeadEmail(database.db, { clientId }), await insertDeadEmail(database.db, { clientId })];
    await sql`create function refuse() returns trigger language plpgsql as $$ begin
      if new.id = '${sql.raw(ids[0]!)}' then raise 'no' using errcode = 'XX001'; end if; return new; end $$`.execute(
      database.db,
    );
    await sql`create trigger refuse before update on emails for each row execute function refuse()`.execute(
      database.db,
    );
    const job = await run(await begin({ kind: 'retry', parameters }));
    await sql`drop function refuse cascade`.execute(database.db);
    expect(job).toMatchObject({ state: 'done', counts: { done: 1, failed: { XX001: 1 } } });
  });

  it('of a kind that this release does not know fails, and says so', async () => {
    const id = await begin({ kind: 'retry', parameters });
    await database.db.updateTable('jobs').set({ kind: 'constructor' }).execute();
    expect(await run(id)).toMatchObject({ state: 'failed', code: 'unknown_kind' });
  });

  it('waits while critical mail does, unless an operator has stopped that', async () => {
    await insertDeadEmail(database.db, { clientId });
    const critical = await insertQueuedEmail(database.db, { clientId, priority: 'critical', dueInS: -10 });
    const id = await begin({ kind: 'retry', parameters });
    await slice(id);
    const abort = new AbortController();
    const waiting = runSlice(context(), id, { sliceMs: 0, signal: abort.signal });
    await expect.poll(async () => (await findJob(database.db, id))!.progressed_at).not.toBeNull();
    abort.abort();
    await expect(waiting).rejects.toThrow();
    expect(await findJob(database.db, id)).toMatchObject({ counts: { pending: 1 } });
    await database.db
      .updateTable('queue_controls')
      .set({ paused_at: new Date() })
      .where('priority', '=', 'critical')
      .execute();
    expect(await run(id)).toMatchObject({ state: 'done', counts: { done: 1 } });
    expect(await emailOf(critical)).toMatchObject({ status: 'queued' });
    await database.db.updateTable('queue_controls').set({ paused_at: null }).execute();
  });

  it('is one of a few that go on at one time', async () => {
    for (let n = 0; n < MOST_ACTIVE_JOBS; n++) await begin({ kind: 'retry', parameters });
    expect(await beginJob(database.db, { kind: 'retry', parameters, reason: 'x', ratePerS: 1 })).toBeUndefined();
    const all = await listJobs(database.db, { state: 'planning' }, { limit: 4 });
    const next = await listJobs(database.db, {}, { limit: 100, before: all.at(-1)!.id });
    expect([all.length, next.length]).toEqual([4, MOST_ACTIVE_JOBS - 4]);
  });
});
