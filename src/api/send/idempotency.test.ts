import { sql } from 'kysely';
import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { sendForm, startTestApi, storedRows, type TestApi, VALID_FIELDS } from '../../../test/support/api.js';
import { insertClient } from '../../../test/support/database.js';

let api: TestApi;
let key: string;
let count = 0;
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api.stop());
beforeEach(() => {
  key = `order-${++count}`;
});

const send = (changes: Record<string, string | undefined> = {}, attachment?: Blob) =>
  api.send(sendForm(changes, attachment), { 'Idempotency-Key': key });
const codeOf = async (response: Response) => ((await response.json()) as { code: string }).code;
/** How many statements of this database wait for a lock. */
const lockWaits = async () => {
  const { rows } = await sql`select 1 from pg_stat_activity
    where datname = current_database() and wait_event_type = 'Lock'`.execute(api.db);
  return rows.length;
};
const file = () => new Blob(['attachment '.repeat(50_000)]);

describe('Idempotency-Key', () => {
  it('gives the first answer again, byte for byte, and stores nothing more', async () => {
    const first = await send({ priority: 'low' }, file());
    const answer = await first.text();
    expect(first.status, answer).toBe(200);
    expect(first.headers.get('idempotent-replayed')).toBeNull();
    const before = await storedRows(api.db);
    const repeat = await send({ priority: 'low' }, file());
    expect(repeat.status).toBe(200);
    expect(repeat.headers.get('idempotent-replayed')).toBe('true');
    expect(await repeat.text()).toBe(answer);
    expect(await storedRows(api.db)).toEqual(before);
  });

  it('does not mind the order of the parts', async () => {
    const { id } = (await (await send()).json()) as { id: string };
    const form = new FormData();
    for (const [name, value] of Object.entries(VALID_FIELDS).reverse()) form.append(name, value);
    const repeat = await api.send(form, { 'Idempotency-Key': key });
    expect(await repeat.json()).toMatchObject({ id });
  });

  it.each<[string, () => Promise<Response>]>([
    ['another field', () => send({ subject: 'Another' }, file())],
    ['a field more', () => send({ tags: 'a' }, file())],
    ['other attachment bytes', () => send({}, new Blob(['other']))],
    ['no attachment', () => send()],
  ])('refuses the same key with %s: 422, nothing stored', async (_, sendOther) => {
    expect((await send({}, file())).status).toBe(200);
    const before = await storedRows(api.db);
    const response = await sendOther();
    expect(response.status).toBe(422);
    expect(await codeOf(response)).toBe('idempotency_key_reused');
    expect(await storedRows(api.db)).toEqual(before);
  });

  it('answers 409 while the same key is being accepted elsewhere, and stores nothing', async () => {
    const before = await storedRows(api.db);
    const lockName = `${api.client.id}/${key}`;
    await api.db.transaction().execute(async (trx) => {
      await sql`select pg_advisory_xact_lock(hashtextextended(${lockName}, 0))`.execute(trx);
      const response = await send({}, file());
      expect(response.status).toBe(409);
      expect(response.headers.get('retry-after')).toBe('1');
      expect(await codeOf(response)).toBe('idempotency_key_in_flight');
    });
    expect(await storedRows(api.db)).toEqual(before);
    expect((await send({}, file())).status).toBe(200);
  });

  it('is held by the unique row even where nobody holds the lock', async () => {
    const before = await storedRows(api.db);
    const other = new pg.Client({ connectionString: api.databaseUrl });
    await other.connect();
    try {
      // Inserted without the lock, and committed only while we wait for its row.
      await other.query('begin');
      await other.query(
        `insert into idempotency_keys (client_id, key, request_hash, email_id, response)
          values ($1, $2, '\\x00', uuidv7(), '{}')`,
        [api.client.id, key],
      );
      const response = send({}, file());
      await expect.poll(lockWaits).toBe(1);
      await other.query('commit');
      expect((await response).status).toBe(409);
    } finally {
      await other.end();
    }
    expect(await storedRows(api.db)).toEqual({ ...before, idempotency_keys: before.idempotency_keys + 1 });
  });

  it('does not remember what was refused', async () => {
    expect((await send({ receiver: 'nobody' })).status).toBe(422);
    expect((await send()).status).toBe(200);
  });

  it('is a matter of one client', async () => {
    const other = await insertClient(api.db);
    const first = (await (await send()).json()) as { id: string };
    const response = await api.send(sendForm(), { 'Idempotency-Key': key, Authorization: `Bearer ${other.key}` });
    expect(response.status).toBe(200);
    expect(((await response.json()) as { id: string }).id).not.toBe(first.id);
  });

  it('makes one e-mail of any number of equal requests at once', async () => {
    for (let round = 0; round < 15; round++) {
      key = `round-${round}`;
      const before = await storedRows(api.db);
      const attachment = round % 2 === 0 ? file() : undefined;
      const responses = await Promise.all(Array.from({ length: 8 }, () => send({ subject: key }, attachment)));
      const answers = new Set<string>();
      for (const response of responses) {
        const text = await response.text();
        if (response.status === 200) answers.add(text);
        else expect(response.status, text).toBe(409);
      }
      expect(answers.size).toBe(1);
      const after = await storedRows(api.db);
      expect(after.emails - before.emails).toBe(1);
      expect(after.email_queue - before.email_queue).toBe(1);
      expect(after.attachment_chunks - before.attachment_chunks).toBe(attachment ? 3 : 0);
      // Whoever was told 409 comes back and gets the same answer.
      expect(answers).toContain(await (await send({ subject: key }, attachment)).text());
    }
  });
});
