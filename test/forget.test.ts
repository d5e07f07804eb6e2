import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCli } from '../src/cli/run.js';
import { recordOutcome } from '../src/domain/attempts/outcomes.js';
import { askPermission } from '../src/domain/attempts/permission.js';
import { noteStored, readSpool } from '../src/domain/emails/attachments.js';
import { SHIPPED_STATUSES } from '../src/domain/emails/statuses.js';
import { forget } from '../src/domain/personal-data/forget.js';
import { removeObjects } from '../src/domain/personal-data/objects.js';
import { createFileStore } from '../src/storage/file-store.js';
import { sendForm, startTestApi, type TestApi } from './support/api.js';
import { insertClient } from './support/database.js';
import { insertAttempts, insertDeadEmail } from './support/dead.js';
import { apiConfig } from './support/measured/api-config.js';
import { sha256 } from './support/stack.js';

const ADA = 'ada.lovelace@example.org';
const BYTES = Buffer.from('Everything about Ada, of which nobody else is to know.');

const directory = mkdtempSync(join(tmpdir(), 'tempost-forget-'));
const store = createFileStore(join(directory, 'storage'));
let api: TestApi;
let operator: { readonly id: string; readonly key: string };

beforeAll(async () => {
  const storage = { ...apiConfig('').storage, directory: join(directory, 'storage') };
  api = await startTestApi({}, { storage });
  operator = await insertClient(api.db, { keyColumns: { role: 'admin', scopes: [] } });
});
afterAll(async () => {
  await api?.stop();
  rmSync(directory, { recursive: true, force: true });
});

/** All that is in the database, as `COPY` of every table would write it: a line a row, with the table's name. */
async function dump(): Promise<string[]> {
  const { rows: tables } = await sql<{ name: string }>`
    select c.relname as name from pg_class c
    where c.relnamespace = 'public'::regnamespace and c.relkind = 'r'`.execute(api.db);
  const lines: string[] = [];
  for (const { name } of tables) {
    const { rows } = await sql<{ line: string }>`select t::text as line from ${sql.table(name)} t`.execute(api.db);
    lines.push(...rows.map(({ line }) => `${name} ${line}`));
  }
  return lines;
}

const holding = (lines: readonly string[], text: string) => {
  // Bytes are written in hexadecimal.
  const hex = Buffer.from(text).toString('hex');
  return lines.filter((line) => line.toLowerCase().includes(text.toLowerCase()) || line.includes(hex));
};

const objects = () =>
  readdirSync(join(directory, 'storage'), { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());

async function submit(changes: Record<string, string | undefined>, attachment?: Buffer): Promise<string> {
  const file = attachment && new Blob([Uint8Array.from(attachment)]);
  const response = await api.send(sendForm(changes, file, 'ada.pdf'));
  expect(response.status).toBe(200);
  return ((await response.json()) as { id: string }).id;
}

/** What the upload of a worker does. */
async function upload(id: string): Promise<string> {
  const digest = { sizeBytes: BYTES.length, sha256: sha256(BYTES) };
  const open = () => Readable.from(readSpool(api.db, id), { objectMode: false });
  const path = await store.put(`attachments/2026/11/30/${id}`, open, digest, 'application/pdf');
  await noteStored(api.db, id, path);
  return path;
}

/** Mail to somebody in every state that leaves something somewhere; ids of the e-mails. */
async function leaveTraces(address: string): Promise<string[]> {
  const receiver = `Ada Lovelace <${address.toUpperCase()}>`;
  const stored = await submit({ receiver, tags: 'vip' }, BYTES);
  await upload(stored);
  const spooled = await submit({ receiver }, BYTES);
  const scheduled = await submit({ receiver, send_at: new Date(Date.now() + 3_600_000).toISOString() });
  const calling = await submit({ receiver });
  await insertAttempts(api.db, calling, [{ state: 'calling', callUntilS: 60 }]);
  const dead = await insertDeadEmail(api.db, { clientId: api.client.id, receiver: address });
  const resent = await api.post(`/api/email/${stored}/resend`, {}, api.client.key);
  const { id: copy } = (await resent.json()) as { id: string };
  const values = { client_id: api.client.id, address, reason: 'bounced', email_id: dead } as const;
  await api.db.insertInto('suppressions').values(values).execute();
  const body = JSON.stringify({ recipient: address });
  await api.db
    .insertInto('unmatched_webhooks')
    .values({ provider: 'mailgun', reason: 'unknown_email', body })
    .execute();
  const parameters = JSON.stringify({ selection: { filter: { receiver: address } } });
  const job = { kind: 'cancel', parameters, reason: `for ${address}`, rate_per_s: 1, state: 'done' } as const;
  await sql`insert into jobs ${sql.raw('(kind, parameters, reason, rate_per_s, state)')}
    values (${job.kind}, ${job.parameters}::jsonb, ${job.reason}, ${job.rate_per_s}, ${job.state})`.execute(api.db);
  // What its sender was told of the failure.
  const notice = await submit({ receiver: 'shop@example.com', content: `Your e-mail to ${address} has failed.` });
  await api.db.updateTable('emails').set({ notice_for: dead }).where('id', '=', notice).execute();
  return [stored, spooled, scheduled, calling, dead, copy];
}

const forgetAsked = (address: string, body: object = {}) =>
  api.post('/api/admin/personal-data/forget', { address, reason: 'asked for it', ...body }, operator.key);

describe('who is forgotten', () => {
  it('is in no row, no object and no match; others are, and are still not written to', async () => {
    const other = 'grace@example.org';
    const kept = await submit({ receiver: other }, BYTES);
    const keptPath = await upload(kept);
    const ids = await leaveTraces(ADA);
    const before = await dump();
    expect(holding(before, ADA).length).toBeGreaterThan(8);
    expect(objects()).toHaveLength(2);
    expect(await (await forgetAsked(ADA, { dry_run: true })).json()).toEqual({
      dry_run: true,
      emails: 6,
      complete: false,
    });
    expect((await dump()).length).toBe(before.length);

    expect(await (await forgetAsked(`Ada <${ADA}>`)).json()).toEqual({ dry_run: false, emails: 6, complete: true });
    expect(await removeObjects(api.db, store)).toEqual({ removed: 1, failed: 0 });

    const after = await dump();
    for (const text of [ADA, 'lovelace', ...ids, BYTES.toString()]) {
      // The other one has the same attachment; and a notice says which e-mail, that is no more, it was about.
      const isOurs = (line: string) => !line.includes(kept) && !line.includes('[forgotten] has failed');
      const found = holding(after, text).filter(isOurs);
      expect([text, found]).toEqual([text, []]);
    }
    expect(objects().map(({ name }) => name)).toEqual([kept]);
    (await store.open(keptPath)).destroy();
    // Others' rows are untouched, and the sender keeps the notice without the name.
    expect(holding(after, kept).length).toBe(holding(before, kept).length);
    expect(holding(after, '[forgotten] has failed')).toHaveLength(1);
    // The audit says that somebody was forgotten, by whom and why; and whoever knows the address finds the row.
    const acts = await api.get(`/api/admin/audit?target=${encodeURIComponent(ADA)}`, operator.key);
    expect(await acts.json()).toMatchObject({ acts: [{ action: 'person.forget', reason: 'asked for it' }] });

    // Still suppressed: the next e-mail to her ends before a call.
    const again = await submit({ receiver: ADA });
    const limits = { callTimeoutMs: 5_000, callTimeoutPerMbMs: 0, lifetimeMs: 60_000 };
    const request = { emailId: again, generation: 1, provider: 'mailgun', dispatchedAtMs: 0, ...limits } as const;
    expect(await askPermission(api.db, request, SHIPPED_STATUSES)).toEqual({ kind: 'ended', status: 'suppressed' });
    const path = `/api/suppressions?client=${api.client.id}&address=${encodeURIComponent(ADA)}`;
    const { suppressions } = (await (await api.get(path, operator.key)).json()) as { suppressions: object[] };
    expect(suppressions).toMatchObject([
      { address: expect.stringMatching(/^forgotten:[0-9a-f]{64}$/), reason: 'bounced' },
    ]);
    // Twice is once, and takes what came since.
    expect(await (await forgetAsked(ADA)).json()).toEqual({ dry_run: false, emails: 1, complete: true });
    expect(await (await forgetAsked(ADA)).json()).toEqual({ dry_run: false, emails: 0, complete: true });
  });

  it('a call under way finds nothing to write down, and an upload leaves no object', async () => {
    const address = 'calling@example.org';
    const id = await submit({ receiver: address }, BYTES);
    await insertAttempts(api.db, id, [{ state: 'calling', callUntilS: 60 }]);
    const digest = { sizeBytes: BYTES.length, sha256: sha256(BYTES) };
    const open = () => Readable.from([BYTES]);
    const path = await store.put(`attachments/2026/11/30/${id}`, open, digest, 'application/pdf');
    expect(await (await forgetAsked(address)).json()).toMatchObject({ emails: 1, complete: true });
    const attempt = { emailId: id, generation: 1, attempt: 1, provider: 'mailgun' } as const;
    const answer = { result: { kind: 'accepted', providerMessageId: 'm1' }, lastOfRound: false, noted: false } as const;
    expect(await recordOutcome(api.db, attempt, answer, SHIPPED_STATUSES)).toEqual({
      kind: 'ended',
      status: 'deleted',
    });
    // The worker removes it then.
    expect(await noteStored(api.db, id, path)).toBe(false);
  });

  it('one that is stopped half-way goes on when it is asked again; two at once do the same work between them', async () => {
    const address = 'many@example.org';
    for (let n = 0; n < 6; n++) await submit({ receiver: address });
    expect(await forget(api.db, address, { endsAtMs: 0 })).toEqual({ emails: 0, complete: false });
    const both = await Promise.all([forgetAsked(address), forgetAsked(address)]);
    for (const response of both) expect(await response.json()).toMatchObject({ complete: true });
    expect(holding(await dump(), address)).toEqual([]);
  });

  it('an object that another e-mail has as well stays', async () => {
    const [one, other] = ['one@example.org', 'two@example.org'];
    const id = await submit({ receiver: one }, BYTES);
    const path = await upload(id);
    const { id: copy } = (await (await api.post(`/api/email/${id}/resend`, {}, api.client.key)).json()) as {
      id: string;
    };
    // Its receiver was corrected since.
    await api.db
      .updateTable('emails')
      .set({ receiver: other, receiver_address: other })
      .where('id', '=', copy)
      .execute();
    await forgetAsked(one);
    expect(await removeObjects(api.db, store)).toEqual({ removed: 0, failed: 0 });
    (await store.open(path)).destroy();
    await forgetAsked(other);
    expect(await removeObjects(api.db, store)).toEqual({ removed: 1, failed: 0 });
  });

  it('an object that cannot be removed now is tried again', async () => {
    const address = 'later@example.org';
    const id = await submit({ receiver: address }, BYTES);
    await upload(id);
    await forgetAsked(address);
    const away = { delete: () => Promise.reject(new Error('away')) };
    expect(await removeObjects(api.db, away)).toEqual({ removed: 0, failed: 1 });
    expect(await removeObjects(api.db, store)).toEqual({ removed: 0, failed: 0 });
    await api.db.updateTable('object_removals').set({ try_at: sql`now()` }).execute();
    expect(await removeObjects(api.db, store)).toEqual({ removed: 1, failed: 0 });
    expect(objects().map(({ name }) => name)).not.toContain(id);
  });
});

async function tempost(...argv: string[]): Promise<string> {
  const said: string[] = [];
  const say = (text: string) => void said.push(text);
  const code = await runCli(argv, { TEMPOST_URL: api.url, TEMPOST_API_KEY: operator.key }, { out: say, error: say });
  if (code !== 0) throw new Error(said.join('\n'));
  return said.join('\n');
}

describe('tempost export and forget', () => {
  it('hand out everything of a person in an archive that tar unpacks, then forget it', async () => {
    const address = 'export@example.org';
    const ids = await leaveTraces(address);
    const file = join(directory, 'person.tar');
    expect(await tempost('export', address, '--to-file', file)).toContain('bytes');
    const unpacked = spawnSync('tar', ['-xvf', file, '-C', directory], { encoding: 'utf8' });
    expect(unpacked.stderr).toBe('');
    const names = unpacked.stdout.trim().split('\n').sort();
    const [stored, spooled, , , dead, copy] = ids;
    const withFiles = [stored, spooled, copy].map((id) => `attachments/${id}`);
    expect(names).toEqual(
      [...withFiles, ...ids.map((id) => `emails/${id}.json`), 'suppressions.json', 'webhooks.json'].sort(),
    );
    for (const name of withFiles) expect(readFileSync(join(directory, name))).toEqual(BYTES);
    const read = (name: string) => JSON.parse(readFileSync(join(directory, name), 'utf8')) as object;
    expect(read(`emails/${stored}.json`)).toMatchObject({
      receiver_address: address,
      subject: 'Your order',
      tags: ['vip'],
      attachment: { filename: 'ada.pdf' },
      events: [{ type: 'queued' }],
    });
    expect(read(`emails/${dead}.json`)).toMatchObject({ status: 'dead', attempts: [{ code: 'http_503' }] });
    expect(read('suppressions.json')).toMatchObject([{ address, reason: 'bounced' }]);
    expect(read('webhooks.json')).toMatchObject([{ body: { recipient: address } }]);

    // A file that is there is nobody's to overwrite.
    writeFileSync(join(directory, 'mine'), 'mine');
    await expect(tempost('export', address, '--to-file', join(directory, 'mine'))).rejects.toThrow('EEXIST');
    expect(readFileSync(join(directory, 'mine'), 'utf8')).toBe('mine');
    expect(await tempost('forget', address, '--reason', 'asked', '--dry-run')).toBe('6 e-mails would be forgotten.');
    expect(await tempost('forget', address, '--reason', 'asked')).toBe('Forgotten: 6 e-mails.');
    expect(holding(await dump(), address)).toEqual([]);
  });

  it('an export that breaks off is no file: nobody takes half of it for the whole', async () => {
    const address = 'broken@example.org';
    const id = await submit({ receiver: address }, BYTES);
    await upload(id);
    await api.db
      .updateTable('attachments')
      .set({ storage_path: 'file:attachments/none' })
      .where('email_id', '=', id)
      .execute();
    const file = join(directory, 'broken.tar');
    await expect(tempost('export', address, '--to-file', file)).rejects.toThrow();
    expect(readdirSync(directory)).not.toContain('broken.tar');
  });
});
