import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectNothingStored, sendForm, startTestApi, type TestApi } from '../../../test/support/api.js';
import { insertClient, type TestClient } from '../../../test/support/database.js';
import { insertDeadEmail } from '../../../test/support/dead.js';
import { answerOf } from '../../../test/support/record.js';
import { addSender, removeSender } from '../../domain/clients/senders.js';

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api.stop());

const submit = (client: TestClient, sender: string, headers = {}) =>
  api.send(sendForm({ sender }), { Authorization: `Bearer ${client.key}`, ...headers });

describe('a client that may send as nobody yet', () => {
  it('is told the command that allows its sender, and nothing is stored, nor counted', async () => {
    const client = await insertClient(api.db, { senders: [] });
    const answer = await submit(client, 'Shop <Orders@Shop.example.com>');
    expect(answer.status).toBe(403);
    expect(await answer.json()).toMatchObject({
      code: 'sender_not_allowed',
      detail: expect.stringContaining(`tempost senders add ${client.id} shop.example.com`),
      errors: [{ field: 'sender', code: 'not_allowed' }],
    });
    const attached = api.send(sendForm({}, new Blob([Buffer.alloc(600_000)])), {
      Authorization: `Bearer ${client.key}`,
    });
    expect(await answerOf(await attached)).toEqual([403, 'sender_not_allowed']);
    await expectNothingStored(api.db);
    expect(await api.db.selectFrom('client_usage').selectAll().where('client_id', '=', client.id).execute()).toEqual(
      [],
    );
  });
});

describe('a client that may send as some', () => {
  it('sends as these, in any spelling, and as nobody else', async () => {
    const client = await insertClient(api.db, { senders: ['orders@example.com', 'example.org', '*.example.net'] });
    const status = async (sender: string) => (await submit(client, sender)).status;
    for (const sender of ['Orders <ORDERS@Example.COM>', 'any@example.org', 'a@b.c.example.net']) {
      expect(await status(sender)).toBe(200);
    }
    for (const sender of ['news@example.com', 'a@b.example.org', 'a@example.net', 'orders@example.com.example.info']) {
      expect(await status(sender)).toBe(403);
    }
  });

  it('may no more from the moment on that it is told so; what was accepted is answered as it was', async () => {
    const client = await insertClient(api.db, { senders: ['example.com'] });
    const key = { 'Idempotency-Key': 'before' };
    const first = await submit(client, 'a@example.com', key);
    const { id } = (await first.json()) as { id: string };
    await removeSender(api.db, client.id, 'example.com');
    expect((await submit(client, 'a@example.com')).status).toBe(403);
    expect(await (await submit(client, 'a@example.com', key)).json()).toMatchObject({ id });
    const resend = () => api.post(`/api/email/${id}/resend`, {}, client.key);
    expect(await answerOf(await resend())).toEqual([403, 'sender_not_allowed']);
    await addSender(api.db, client.id, 'example.com');
    expect((await resend()).status).toBe(200);
  });

  it('is who an e-mail belongs to, not the operator who sends it again', async () => {
    const client = await insertClient(api.db, { senders: ['example.com'] });
    const operator = await insertClient(api.db, { operator: true, senders: [] });
    const { id } = (await (await submit(client, 'a@example.com')).json()) as { id: string };
    expect((await api.post(`/api/email/${id}/resend`, {}, operator.key)).status).toBe(200);
  });

  it('is not got around by another life to another receiver', async () => {
    const client = await insertClient(api.db, { senders: ['example.com'] });
    const operator = await insertClient(api.db, { operator: true });
    const id = await insertDeadEmail(api.db, { clientId: client.id });
    await api.db.updateTable('emails').set({ sender: 'Shop <a@example.com>' }).where('id', '=', id).execute();
    await removeSender(api.db, client.id, 'example.com');
    const retry = (body: object, key: string, path = 'email') => api.post(`/api/${path}/${id}/retry`, body, key);
    const elsewhere = { receiver: 'eve@example.org' };
    for (const key of [client.key, operator.key]) {
      expect(await answerOf(await retry(elsewhere, key))).toEqual([403, 'sender_not_allowed']);
      expect(await answerOf(await retry(elsewhere, key, 'dead-letters'))).toEqual([403, 'sender_not_allowed']);
    }
    const { generation, receiver } = await api.db
      .selectFrom('emails')
      .select(['generation', 'receiver'])
      .where('id', '=', id)
      .executeTakeFirstOrThrow();
    expect([generation, receiver]).not.toContain('eve@example.org');
    expect(generation).toBe(1);
    // As it was accepted it is sent all the same.
    expect((await retry({}, client.key)).status).toBe(200);
  });
});
