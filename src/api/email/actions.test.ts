import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sendForm, startTestApi, type TestApi } from '../../../test/support/api.js';
import { insertClient } from '../../../test/support/database.js';
import { insertAttempts } from '../../../test/support/dead.js';
import { answerOf } from '../../../test/support/record.js';
import { askPermission } from '../../domain/attempts/permission.js';
import { loadAttachment } from '../../domain/emails/attachments.js';
import { SHIPPED_STATUSES } from '../../domain/emails/statuses.js';

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api.stop());

const inAnHour = () => new Date(Date.now() + 3_600_000).toISOString();

async function submit(changes: Record<string, string> = {}, attachment?: Blob): Promise<string> {
  return ((await (await api.send(sendForm(changes, attachment))).json()) as { id: string }).id;
}
const act = (id: string, action: string, body: object = {}, headers: Record<string, string> = {}) =>
  api.post(`/api/email/${id}/${action}`, body, api.client.key, headers);
const emailOf = (id: string) => api.db.selectFrom('emails').selectAll().where('id', '=', id).executeTakeFirstOrThrow();
const entryOf = (id: string) =>
  api.db.selectFrom('email_queue').selectAll().where('email_id', '=', id).executeTakeFirst();
const setStatus = (id: string, status: string) =>
  api.db.updateTable('emails').set({ status }).where('id', '=', id).execute();

describe('POST /api/email/{id}/cancel', () => {
  it.each(['queued', 'scheduled'])('ends a %s e-mail: nobody is permitted to send it', async (status) => {
    const id = await submit(status === 'scheduled' ? { send_at: inAnHour() } : {});
    const response = await act(id, 'cancel');
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({ id, status: 'cancelled' });
    expect(await entryOf(id)).toBeUndefined();
    expect((await emailOf(id)).cancelled_at).toBeInstanceOf(Date);
    const request = { emailId: id, generation: 1, provider: 'mailgun', dispatchedAtMs: Date.now() } as const;
    const permission = await askPermission(
      api.db,
      { ...request, callTimeoutMs: 5_000, lifetimeMs: 60_000 },
      SHIPPED_STATUSES,
    );
    expect(permission).toEqual({ kind: 'ended', status: 'cancelled' });
  });

  it('ends one that backs off, though Temporal cannot be told', async () => {
    const id = await submit();
    await insertAttempts(api.db, id, [{ state: 'refused' }]);
    await api.db.updateTable('email_queue').set({ state: 'backing_off' }).where('email_id', '=', id).execute();
    expect((await act(id, 'cancel')).status).toBe(200);
    expect((await emailOf(id)).status).toBe('cancelled');
  });

  it('done twice is done once', async () => {
    const id = await submit();
    expect((await act(id, 'cancel')).status).toBe(200);
    expect((await act(id, 'cancel')).status).toBe(200);
    const events = await api.db.selectFrom('email_events').selectAll().where('email_id', '=', id).execute();
    expect(events.filter(({ type }) => type === 'cancelled')).toHaveLength(1);
  });

  it.each([
    ['is being sent', 'calling', /right now/],
    ['may have been sent', 'ambiguous', /not known/],
    ['was sent', 'accepted', /provider has it/],
  ] as const)('says that it is too late when it %s', async (_, state, detail) => {
    const id = await submit();
    await insertAttempts(api.db, id, [{ state, callUntilS: 30 }]);
    const response = await act(id, 'cancel');
    expect(response.status).toBe(409);
    const problem = (await response.json()) as { code: string; detail: string };
    expect(problem.code).toBe('too_late');
    expect(problem.detail).toMatch(detail);
    expect((await emailOf(id)).status).not.toBe('cancelled');
  });

  it.each(['failed', 'dead', 'delivered'])('says that it is too late when it is %s', async (status) => {
    const id = await submit();
    await setStatus(id, status);
    expect(await answerOf(await act(id, 'cancel'))).toEqual([409, 'too_late']);
  });
});

describe('POST /api/email/{id}/reschedule', () => {
  it('moves a scheduled e-mail, its deadline with it', async () => {
    const id = await submit({ send_at: inAnHour() });
    const later = new Date(Date.now() + 7_200_000);
    const response = await act(id, 'reschedule', { send_at: later.toISOString() });
    expect(await response.json()).toMatchObject({
      status: 'scheduled',
      deadline_at: new Date(later.getTime() + 900_000).toISOString(),
    });
    expect((await entryOf(id))!.due_at).toEqual(later);
    expect((await emailOf(id)).due_at).toEqual(later);
  });

  it('says that it is too late once the e-mail is queued, dispatched or over', async () => {
    const queued = await submit();
    const dispatched = await submit({ send_at: inAnHour() });
    await api.db.updateTable('email_queue').set({ state: 'in_flight' }).where('email_id', '=', dispatched).execute();
    const cancelled = await submit({ send_at: inAnHour() });
    await act(cancelled, 'cancel');
    for (const id of [queued, dispatched, cancelled]) {
      expect(await answerOf(await act(id, 'reschedule', { send_at: inAnHour() }))).toEqual([409, 'too_late']);
    }
  });

  it.each([{}, { send_at: 'tomorrow' }, { send_at: '2020-01-01T00:00:00Z' }, { send_at: '2100-01-01T00:00:00Z' }])(
    'refuses %o',
    async (body) => {
      const id = await submit({ send_at: inAnHour() });
      expect(await answerOf(await act(id, 'reschedule', body))).toEqual([422, 'invalid_fields']);
    },
  );
});

describe('POST /api/email/{id}/retry-now', () => {
  it('is accepted for an e-mail that waits for its next try, and for no other', async () => {
    const id = await submit();
    expect(await answerOf(await act(id, 'retry-now'))).toEqual([409, 'not_waiting']);
    await api.db.updateTable('email_queue').set({ state: 'backing_off' }).where('email_id', '=', id).execute();
    expect((await act(id, 'retry-now')).status).toBe(202);
  });
});

describe('POST /api/email/{id}/retry', () => {
  it.each(['failed', 'bounced', 'suppressed'])('begins a new generation of a %s e-mail', async (status) => {
    const id = await submit();
    await setStatus(id, status);
    expect(await (await act(id, 'retry')).json()).toEqual({ id, status: 'queued', generation: 2 });
    expect(await entryOf(id)).toMatchObject({ state: 'waiting', generation: 2 });
  });

  it.each([
    'queued',
    'sending',
    'retrying',
    'unconfirmed',
    'sent',
    'deferred',
    'delivered',
    'opened',
    'complained',
    'cancelled',
  ])('refuses a %s one', async (status) => {
    const id = await submit();
    await setStatus(id, status);
    expect(await answerOf(await act(id, 'retry'))).toEqual([409, 'not_retryable']);
  });
});

describe('POST /api/email/{id}/retry to a corrected receiver', () => {
  const correct = (id: string, receiver: string, key = api.client.key) =>
    api.post(`/api/email/${id}/retry`, { receiver }, key);
  async function failedOf(client: { id: string; key: string }): Promise<string> {
    const sent = await api.send(sendForm({ priority: 'medium' }), { Authorization: `Bearer ${client.key}` });
    const { id } = (await sent.json()) as { id: string };
    await setStatus(id, 'failed');
    return id;
  }
  const limitTo = (client: { id: string }, medium: number) =>
    api.db.updateTable('clients').set({ daily_limit_medium: medium }).where('id', '=', client.id).execute();

  it('counts against the daily limit of the client, whoever asks, and beyond it changes nothing', async () => {
    const client = await insertClient(api.db);
    const operator = await insertClient(api.db, { operator: true });
    const [first, second] = [await failedOf(client), await failedOf(client)];
    await limitTo(client, 3);
    expect((await correct(first, 'a@example.org', client.key)).status).toBe(200);
    const before = await emailOf(second);
    for (const key of [client.key, operator.key]) {
      const refused = await correct(second, 'b@example.org', key);
      expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
      expect(await answerOf(refused)).toEqual([429, 'daily_limit_reached']);
    }
    expect(await emailOf(second)).toEqual(before);
    expect((await entryOf(second))?.generation).toBe(1);
    // To the same receiver it is the e-mail that was counted already.
    expect((await api.post(`/api/email/${second}/retry`, {}, client.key)).status).toBe(200);
  });

  it('is not exceeded by many at once', async () => {
    const client = await insertClient(api.db);
    const ids = await Promise.all(Array.from({ length: 8 }, () => failedOf(client)));
    await limitTo(client, 8 + 3);
    const answers = await Promise.all(ids.map((id) => correct(id, 'c@example.org', client.key)));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(3);
  });

  it.each(['\u0000', '\r\nBcc: x@example.org', '\u0007', '\u007f', '\u0085', '\u009b2J', '\u2028', '\u2029'])(
    'takes no control characters: %j',
    async (evil) => {
      const id = await submit();
      await setStatus(id, 'failed');
      for (const receiver of [`"A${evil}B" <a@example.org>`, `A${evil}B <a@example.org>`, `a@example.org${evil}`]) {
        expect(await answerOf(await correct(id, receiver))).toEqual([422, 'invalid_fields']);
      }
      expect((await emailOf(id)).generation).toBe(1);
    },
  );
});

describe('POST /api/email/{id}/resend by an operator', () => {
  it('makes an e-mail of the client whose the old one is, under that client’s limit', async () => {
    const client = await insertClient(api.db);
    const operator = await insertClient(api.db, { operator: true });
    const sent = await api.send(sendForm({}, new Blob(['hello'])), { Authorization: `Bearer ${client.key}` });
    const { id } = (await sent.json()) as { id: string };
    const again = (headers = {}) => api.post(`/api/email/${id}/resend`, {}, operator.key, headers);
    const response = await again();
    expect(response.status).toBe(200);
    const { id: newId } = (await response.json()) as { id: string };
    expect(await emailOf(newId)).toMatchObject({ client_id: client.id, resend_of: id, subject: 'Your order' });
    expect((await loadAttachment(api.db, newId))!.spooled!.toString()).toBe('hello');
    expect((await api.get(`/api/email/${newId}`, client.key)).status).toBe(200);
    await api.db.updateTable('clients').set({ daily_limit_medium: 2 }).where('id', '=', client.id).execute();
    expect(await answerOf(await again())).toEqual([429, 'daily_limit_reached']);
  });

  it('with an idempotency key of the operator’s own, which is none of the client’s', async () => {
    const client = await insertClient(api.db);
    const operator = await insertClient(api.db, { operator: true });
    const headers = { 'Idempotency-Key': 'the-same-word' };
    const sent = await api.send(sendForm(), { Authorization: `Bearer ${client.key}`, ...headers });
    const { id } = (await sent.json()) as { id: string };
    const [first, second] = [
      await api.post(`/api/email/${id}/resend`, {}, operator.key, headers),
      await api.post(`/api/email/${id}/resend`, {}, operator.key, headers),
    ];
    const answer = await first.text();
    expect(JSON.parse(answer).id).not.toBe(id);
    expect(await second.text()).toBe(answer);
  });
});

describe('POST /api/email/{id}/resend', () => {
  it('makes a new e-mail with the same content that names the old one', async () => {
    const id = await submit({ metadata: '{"order":1}', tags: 'a', sender: 'Shop <shop@example.com>', priority: 'low' });
    const { id: newId, status } = (await (await act(id, 'resend')).json()) as { id: string; status: string };
    expect(newId).not.toBe(id);
    expect(status).toBe('queued');
    const same = ({
      sender,
      receiver,
      subject,
      content,
      priority,
      metadata,
      tags,
    }: Awaited<ReturnType<typeof emailOf>>) => ({
      ...{ sender, receiver, subject, content, priority, metadata, tags },
    });
    const [old, fresh] = [await emailOf(id), await emailOf(newId)];
    expect(same(fresh)).toEqual(same(old));
    expect(fresh.resend_of).toBe(id);
  });

  it('takes an attachment along from the spool', async () => {
    const id = await submit({}, new Blob([new Uint8Array(600_000).fill(7)]));
    const { id: newId } = (await (await act(id, 'resend')).json()) as { id: string };
    const [old, copy] = [await loadAttachment(api.db, id), await loadAttachment(api.db, newId)];
    expect(copy).toEqual(old);
    expect(copy!.spooled).toHaveLength(600_000);
  });

  it('takes an attachment along by its place in storage', async () => {
    const id = await submit({}, new Blob(['hello']));
    await api.db.deleteFrom('attachment_chunks').where('email_id', '=', id).execute();
    const stored = { storage_path: 'file:attachments/x', stored_at: sql<Date>`now()` };
    await api.db.updateTable('attachments').set(stored).where('email_id', '=', id).execute();
    const { id: newId } = (await (await act(id, 'resend')).json()) as { id: string };
    expect(await loadAttachment(api.db, newId)).toMatchObject({ storagePath: 'file:attachments/x', spooled: null });
  });

  it('with the same key makes one e-mail', async () => {
    const id = await submit();
    const other = await submit();
    const headers = { 'Idempotency-Key': 'again' };
    const [first, second] = [await act(id, 'resend', {}, headers), await act(id, 'resend', {}, headers)];
    expect(await second.text()).toBe(await first.text());
    expect(second.headers.get('idempotent-replayed')).toBe('true');
    expect(await answerOf(await act(other, 'resend', {}, headers))).toEqual([422, 'idempotency_key_reused']);
  });
});

describe('what can be done about an e-mail', () => {
  it.each(['cancel', 'reschedule', 'retry', 'retry-now', 'resend'])('%s is 404 for another client', async (action) => {
    const id = await submit({ send_at: inAnHour() });
    const other = await insertClient(api.db);
    const body = action === 'reschedule' ? { send_at: inAnHour() } : {};
    const response = await api.post(`/api/email/${id}/${action}`, body, other.key);
    expect(await answerOf(response)).toEqual([404, 'email_not_found']);
    expect((await emailOf(id)).status).toBe('scheduled');
  });
});
