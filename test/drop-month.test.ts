import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { sql } from 'kysely';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { recordOutcome } from '../src/domain/attempts/outcomes.js';
import { askPermission } from '../src/domain/attempts/permission.js';
import { lockEmail } from '../src/domain/emails/events.js';
import { SHIPPED_STATUSES } from '../src/domain/emails/statuses.js';
import { beginJob, findJob, type Job } from '../src/domain/jobs/jobs.js';
import type { DropMonthParameters } from '../src/domain/jobs/kinds/drop-month.js';
import { runSlice } from '../src/domain/jobs/run-slice.js';
import { dispatchBatch } from '../src/domain/queue/queue.js';
import { recordPixelOpen } from '../src/domain/tracking/pixel.js';
import { recordEvents } from '../src/domain/transitions/record.js';
import { ensurePartitions, uuidFloor } from '../src/postgres/partitions.js';
import { transact } from '../src/postgres/transaction.js';
import { createFileStore } from '../src/storage/file-store.js';
import { sendForm, startTestApi, type TestApi } from './support/api.js';
import { patient } from './support/patience.js';

const TABLES = ['emails', 'attachments', 'send_attempts', 'email_events'];
/**
 * Acts of one kind at a time. Together fewer than the connections of either pool: with ten, on a machine that is busy, acts
 * waited for one for longer than the api does before it answers 503, as many without months that go as with them.
 */
const AT_ONCE = 2;

let api: TestApi;
let folder: string;
beforeEach(async () => {
  api = await startTestApi();
  folder = mkdtempSync(join(tmpdir(), 'tempost-drop-month-'));
});
afterEach(async () => {
  await api.stop();
  rmSync(folder, { recursive: true, force: true });
});

const monthBack = (months: number) => {
  const now = new Date();
  return new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - months, 1));
};
const suffixOf = (month: Date) => month.toISOString().slice(0, 7).replace('-', '');

const store = () => createFileStore(join(folder, 'objects'));

/** The job, slice by slice, as its workflow does it. @returns how it stands then. */
async function drop(month: Date): Promise<Job> {
  const parameters: DropMonthParameters = { month: suffixOf(month) };
  const id = (await beginJob(api.db, { kind: 'drop_month', parameters, reason: 'old', ratePerS: 10 }))!;
  return goOn(id);
}

async function goOn(id: string): Promise<Job> {
  const deadlineMs = { critical: 15_000, medium: 900_000, low: 3_600_000 };
  const context = {
    db: api.db,
    catalogue: SHIPPED_STATUSES,
    deadlineMs,
    providers: [],
    store: store(),
    wake: () => {},
    tell: () => {},
  };
  const options = { sliceMs: 5_000, signal: new AbortController().signal };
  for (;;) {
    const { state } = await runSlice(context, id, options);
    if (state !== 'planning' && state !== 'running') return (await findJob(api.db, id))!;
  }
}

/** An e-mail of that month that was sent, with an event, an attempt and an attachment. @returns its id. */
async function insertSent(month: Date, n: number): Promise<string> {
  const id = uuidFloor(month).slice(0, -4) + n.toString(16).padStart(4, '0');
  await sql`insert into emails (id, client_id, priority, sender, receiver, receiver_address, subject, content,
      content_type, status, created_at, due_at, deadline_at)
    values (${id}, ${api.client.id}, 'low', 'sender@example.com', 'reader@example.org', 'reader@example.org', 'Subject',
      'Content', 'text/plain', 'sent', now(), now(), now())`.execute(api.db);
  await sql`insert into email_events (email_id, event_key, type, generation, occurred_at)
    values (${id}, 'tempost:g1:queued', 'queued', 1, now())`.execute(api.db);
  await sql`insert into send_attempts (email_id, generation, attempt, provider, state, started_at, call_until)
    values (${id}, 1, 1, 'mailgun', 'accepted', now(), now())`.execute(api.db);
  await sql`insert into attachments (email_id, filename, content_type, size_bytes, sha256)
    values (${id}, 'a.txt', 'text/plain', 1, 'ff')`.execute(api.db);
  return id;
}

const leavesOf = async (month: Date) => {
  const names = TABLES.map((table) => `${table}_${suffixOf(month)}`);
  const { rows } = await sql<{ name: string }>`select relname as name from pg_class
    where relname = any(${names}) and relkind = 'r'`.execute(api.db);
  return rows.map(({ name }) => name);
};

/** What goes on all the time; counts what it does and keeps what fails. */
function traffic(old: readonly string[]) {
  const failures: unknown[] = [];
  const done = { submitted: 0, sent: 0, read: 0, told: 0, slow: 0 };
  const ids: string[] = [];
  const sent: string[] = [];
  let stopped = false;
  const every = async (ms: number, act: () => Promise<void>) => {
    const running = new Set<Promise<void>>();
    while (!stopped) {
      // A machine that cannot keep this pace is no fault of the months that go: its work must not pile up without end.
      if (running.size < AT_ONCE) {
        const acting = act().catch((error) => void failures.push(error));
        running.add(acting);
        void acting.finally(() => running.delete(acting));
      }
      await delay(ms);
    }
    await Promise.all(running);
  };
  const pick = (list: readonly string[]) => list[Math.floor(Math.random() * list.length)];
  const submit = async () => {
    const response = await api.send(sendForm({}, Math.random() < 0.3 ? new Blob(['x'.repeat(1_000)]) : undefined));
    if (response.status !== 200) throw new Error(`submission: ${response.status} ${await response.text()}`);
    ids.push(((await response.json()) as { id: string }).id);
    done.submitted++;
  };
  const send = async () => {
    const options = { limit: 10, checkAfterMs: 60_000, providers: ['mailgun' as const] };
    const start = async (emails: readonly { emailId: string }[]) => emails.map((email) => email.emailId);
    const { started } = await dispatchBatch(api.db, 'medium', options, start);
    for (const { emailId } of started) {
      const request = { emailId, generation: 1, provider: 'mailgun' as const, dispatchedAtMs: Date.now() };
      const limits = { callTimeoutMs: 5_000, lifetimeMs: 3_600_000 };
      const permission = await askPermission(api.db, { ...request, ...limits }, SHIPPED_STATUSES);
      if (permission.kind !== 'granted') throw new Error(permission.kind);
      const result = { kind: 'accepted', providerMessageId: emailId } as const;
      const id = { emailId, generation: 1, attempt: permission.attempt, provider: 'mailgun' as const };
      await recordOutcome(api.db, id, { result, lastOfRound: true, noted: false }, SHIPPED_STATUSES);
      sent.push(emailId);
      done.sent++;
    }
  };
  const read = async () => {
    const id = pick(ids);
    if (!id) return;
    const response = await api.get(`/api/email/${id}`);
    if (response.status !== 200) throw new Error(`read: ${response.status}`);
    // Of an old month it is there, or it is gone: both are answers.
    const gone = await api.get(`/api/email/${pick(old)}`);
    if (gone.status !== 200 && gone.status !== 404) throw new Error(`read: ${gone.status}`);
    done.read++;
  };
  const tell = async (id: string | undefined, pauseMs: number) => {
    if (!id) return;
    await transact(api.db, async (trx) => {
      const email = await lockEmail(trx, id);
      if (!email) return;
      if (pauseMs > 0) await delay(pauseMs);
      const key = `mailgun:${Math.random()}`;
      const event = { key, type: 'clicked', generation: 1, attempt: 1, occurredAt: new Date() };
      await recordEvents(trx, email, [event], SHIPPED_STATUSES);
    });
    await recordPixelOpen(api.db, SHIPPED_STATUSES, id, {
      warn: (about: object) => void failures.push(about),
    } as never);
    done.told++;
  };
  const loops = [
    every(200, submit),
    every(100, send),
    every(100, read),
    every(50, () => tell(pick(sent), 0)),
    every(50, () => tell(pick(old), 0)),
    // A worker that is slow between two statements, of an old e-mail as of a new one.
    every(700, () => tell(pick(Math.random() < 0.5 ? sent : old), 300).then(() => void done.slow++)),
  ];
  const stop = async () => {
    stopped = true;
    await Promise.all(loops);
  };
  return { failures, done, stop };
}

const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

describe('the job that drops a month', () => {
  it('stops no traffic: at 5 submissions a second none fails, while six months go', {
    timeout: patient(120_000),
  }, async () => {
    const months = [1, 2, 3, 4, 5, 6].map((back) => monthBack(back + 12));
    const old: string[] = [];
    for (const month of months) {
      await ensurePartitions(api.db, month);
      for (let n = 1; n <= 20; n++) old.push(await insertSent(month, n));
    }
    const { failures, done, stop } = traffic(old);
    await expect.poll(() => done.submitted).toBeGreaterThan(5);
    const startedAt = Date.now();
    for (const month of months) {
      expect(await drop(month)).toMatchObject({ state: 'done' });
      expect(await leavesOf(month)).toEqual([]);
    }
    const tookMs = Date.now() - startedAt;
    const after = done.submitted;
    await expect.poll(() => done.submitted).toBeGreaterThan(after + 5);
    await stop();
    expect(failures).toEqual([]);
    console.info(`six months in ${tookMs} ms beside ${JSON.stringify(done)}`);
    const rest = await sql<{
      n: number;
    }>`select count(*)::int as n from emails where id < ${uuidFloor(monthBack(12))}`.execute(api.db);
    expect(rest.rows[0]!.n).toBe(0);
  });

  const month = monthBack(13);
  const kept = async (id: string) => {
    expect((await leavesOf(month)).sort()).toEqual(TABLES.map((table) => `${table}_${suffixOf(month)}`).sort());
    expect((await api.get(`/api/email/${id}`)).status).toBe(200);
  };
  const insertOld = async () => {
    await ensurePartitions(api.db, month);
    return insertSent(month, 1);
  };

  it('refuses a month in which something is unfinished, and changes nothing', async () => {
    const id = await insertOld();
    const place = { email_id: id, priority: 'low', generation: 1, state: 'handed_over', due_at: new Date() } as const;
    await api.db.insertInto('email_queue').values(place).execute();
    expect(await drop(month)).toMatchObject({ state: 'failed', code: 'unfinished' });
    await kept(id);
    await api.db.deleteFrom('email_queue').execute();
    await drop(month);
    expect(await leavesOf(month)).toEqual([]);
  });

  it('refuses a month with an open dead letter, and takes the others’ along', async () => {
    const id = await insertOld();
    const letter = { email_id: id, generation: 1, reason: 'ambiguous', client_id: api.client.id } as const;
    await api.db.insertInto('dead_emails').values(letter).execute();
    expect(await drop(month)).toMatchObject({ state: 'failed', code: 'open_dead_letters' });
    await kept(id);
    await api.post(`/api/dead-letters/${id}/discard`);
    await drop(month);
    expect(await api.db.selectFrom('dead_emails').selectAll().execute()).toEqual([]);
  });

  it('refuses a month that is not over', async () => {
    expect(await drop(monthBack(0))).toMatchObject({ state: 'failed', code: 'not_over' });
    expect(await leavesOf(monthBack(0))).toHaveLength(4);
  });

  it('goes on where it was stopped half-way, touches no other month, and can be given again', async () => {
    await insertOld();
    const other = monthBack(14);
    await ensurePartitions(api.db, other);
    const id = await insertSent(other, 1);
    await sql`alter table emails detach partition ${sql.table(`emails_${suffixOf(month)}`)}`.execute(api.db);
    await drop(month);
    await drop(month);
    expect(await leavesOf(month)).toEqual([]);
    expect(await leavesOf(other)).toHaveLength(4);
    expect((await api.get(`/api/email/${id}`)).status).toBe(200);
  });

  it('removes the objects of the month from the store, and no other, before it forgets where they are', async () => {
    const other = monthBack(14);
    await ensurePartitions(api.db, other);
    const ofMonth = [await insertOld(), ...(await Promise.all([2, 3].map((n) => insertSent(month, n))))];
    const ofOther = await insertSent(other, 1);
    const object = { sizeBytes: 1, sha256: sha256(Buffer.from('x')) };
    for (const id of [...ofMonth, ofOther]) {
      const path = await store().put(`attachments/${id}`, () => Readable.from(['x']), object, 'text/plain');
      await api.db.updateTable('attachments').set({ storage_path: path }).where('email_id', '=', id).execute();
    }
    expect(readdirSync(join(folder, 'objects', 'attachments'))).toHaveLength(4);
    expect(await drop(month)).toMatchObject({ state: 'done', counts: { pending: 0, failed: {} } });
    expect(readdirSync(join(folder, 'objects', 'attachments'))).toEqual([ofOther]);
  });

  it('leaves an object that an e-mail of another month has as well, because it was sent again, and that again', async () => {
    const other = monthBack(14);
    await ensurePartitions(api.db, other);
    const first = await insertOld();
    const again = await insertSent(month, 2);
    const andAgain = await insertSent(other, 1);
    const object = { sizeBytes: 1, sha256: sha256(Buffer.from('x')) };
    const path = await store().put(`attachments/${first}`, () => Readable.from(['x']), object, 'text/plain');
    await api.db.updateTable('attachments').set({ storage_path: path }).execute();
    await api.db.updateTable('emails').set({ resend_of: first }).where('id', '=', again).execute();
    await api.db.updateTable('emails').set({ resend_of: again }).where('id', '=', andAgain).execute();
    const objects = () => readdirSync(join(folder, 'objects', 'attachments'));
    expect(await drop(month)).toMatchObject({ state: 'done' });
    expect(objects()).toEqual([first]);
    expect(await drop(other)).toMatchObject({ state: 'done' });
    expect(objects()).toEqual([]);
  });
});
