import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type OperatedApi, sendForm, startOperatedApi } from '../../../test/support/api.js';
import { insertClient } from '../../../test/support/database.js';
import { answerOf } from '../../../test/support/record.js';

let api: OperatedApi;
beforeAll(async () => {
  api = await startOperatedApi();
});
afterAll(() => api?.stop());

const call: OperatedApi['call'] = (...request) => api.call(...request);
const json = async <T = Record<string, unknown>>(response: Promise<Response>) => (await (await response).json()) as T;
const addClient = (name: string) => json<{ id: string }>(call('POST', '/api/clients', { name }));
const addKey = (client: string, body = {}) =>
  json<{ id: string; key: string }>(call('POST', `/api/clients/${client}/keys`, body));
const allow = (client: string, sender = 'example.com') => call('POST', `/api/clients/${client}/senders`, { sender });
const submit = async (key: string) => (await api.send(sendForm(), { Authorization: `Bearer ${key}` })).status;

describe('a new client', () => {
  it('has the default limits and no key, and submits with the first that it is given', async () => {
    const created = await call('POST', '/api/clients', { name: 'Web shop' });
    expect(created.status).toBe(201);
    const client = (await created.json()) as { id: string };
    expect(client).toMatchObject({ name: 'Web shop', disabled: false, daily_limits: { critical: 10_000 } });
    expect(await json(call('GET', `/api/clients/${client.id}/keys`))).toEqual({ keys: [] });
    const { key } = await addKey(client.id);
    expect(await answerOf(await api.send(sendForm(), { Authorization: `Bearer ${key}` }))).toEqual([
      403,
      'sender_not_allowed',
    ]);
    await allow(client.id);
    expect(await submit(key)).toBe(200);
    expect(await json(call('GET', `/api/clients/${client.id}`))).toMatchObject({ submitted_today: { medium: 1 } });
  });

  it('is refused when there is one of that name', async () => {
    await addClient('Twice');
    expect(await answerOf(await call('POST', '/api/clients', { name: 'Twice' }))).toEqual([409, 'client_exists']);
  });

  it.each([{}, { name: '' }, { name: ' x' }, { name: 'a\nb' }, { name: 'x'.repeat(101) }, { name: 1 }, { x: 1 }])(
    'is refused for %o',
    async (body) => {
      expect(await answerOf(await call('POST', '/api/clients', body))).toEqual([422, 'invalid_fields']);
    },
  );

  it('is found in the list, by name, page after page', async () => {
    for (const name of ['zz 1', 'zz 2', 'zz 3']) await addClient(name);
    const names: string[] = [];
    for (let cursor = ''; ; ) {
      const page = await json<{ clients: { name: string }[]; next_cursor: string | null }>(
        call('GET', `/api/clients?limit=2${cursor}`),
      );
      names.push(...page.clients.map((client) => client.name));
      if (!page.next_cursor) break;
      cursor = `&cursor=${page.next_cursor}`;
    }
    expect(names.slice(-3)).toEqual(['zz 1', 'zz 2', 'zz 3']);
    expect(names).toEqual([...new Set(names)]);
  });
});

describe('an API key', () => {
  it('is told once, and kept as its hash and its beginning', async () => {
    const { id } = await addClient('Told once');
    const created = await call('POST', `/api/clients/${id}/keys`, {});
    expect([created.status, created.headers.get('cache-control')]).toEqual([201, 'no-store']);
    const { key } = (await created.json()) as { key: string };
    expect(key).toMatch(/^tp_[\w-]{43}$/);
    const listed = await (await call('GET', `/api/clients/${id}/keys`)).text();
    expect(listed).not.toContain(key);
    expect(JSON.parse(listed)).toMatchObject({
      keys: [{ prefix: key.slice(0, 8), operator: false, revoked_at: null }],
    });
    const stored = await api.db.selectFrom('api_keys').selectAll().where('client_id', '=', id).execute();
    expect(JSON.stringify(stored)).not.toContain(key);
  });

  it('is of the client alone unless it was made an operator’s', async () => {
    const { id } = await addClient('Two kinds');
    expect((await call('GET', '/api/admin/queues', undefined, (await addKey(id)).key)).status).toBe(403);
    const { key } = await addKey(id, { operator: true });
    expect((await call('GET', '/api/admin/queues', undefined, key)).status).toBe(200);
  });

  it('is not taken any more once it is revoked, while the client’s others are', async () => {
    const { id } = await addClient('Rotates');
    await allow(id);
    const [old, next] = [await addKey(id), await addKey(id)];
    for (let times = 0; times < 2; times++) {
      expect((await call('DELETE', `/api/clients/${id}/keys/${old.id}`)).status).toBe(204);
    }
    expect([await submit(old.key), await submit(next.key)]).toEqual([401, 200]);
  });

  it('cannot revoke itself, nor disable its own client: nobody is locked out by mistake', async () => {
    const { keys } = await json<{ keys: { id: string }[] }>(call('GET', `/api/clients/${api.operator.id}/keys`));
    const own = `/api/clients/${api.operator.id}/keys/${keys[0]!.id}`;
    expect(await answerOf(await call('DELETE', own))).toEqual([409, 'own_key']);
    const disabling = await call('PATCH', `/api/clients/${api.operator.id}`, { disabled: true });
    expect(await answerOf(disabling)).toEqual([409, 'own_client']);
  });

  it('is not found at another client, nor where there is none', async () => {
    const [one, other] = [await addClient('One'), await addClient('Other')];
    const { id: key } = await addKey(one.id);
    const nobody = '019a0000-0000-7000-8000-000000000000';
    expect(await answerOf(await call('DELETE', `/api/clients/${other.id}/keys/${key}`))).toEqual([
      404,
      'key_not_found',
    ]);
    expect(await answerOf(await call('DELETE', `/api/clients/${one.id}/keys/x`))).toEqual([404, 'key_not_found']);
    expect(await answerOf(await call('POST', `/api/clients/${nobody}/keys`, {}))).toEqual([404, 'client_not_found']);
    expect(await answerOf(await call('GET', `/api/clients/${nobody}/keys`))).toEqual([404, 'client_not_found']);
  });

  it('of a client is no key to clients and keys', async () => {
    const { key, id } = await insertClient(api.db);
    const tries = [
      call('GET', '/api/clients', undefined, key),
      call('POST', '/api/clients', { name: 'Mine' }, key),
      call('PATCH', `/api/clients/${id}`, { rate_limits: { send: null } }, key),
      call('POST', `/api/clients/${id}/senders`, { sender: '*' }, key),
      call('DELETE', `/api/clients/${id}/senders/example.com`, undefined, key),
    ];
    for (const refused of await Promise.all(tries)) expect(await answerOf(refused)).toEqual([403, 'operator_only']);
    const forAdmins = [
      call('GET', `/api/clients/${id}/keys`, undefined, key),
      call('POST', `/api/clients/${id}/keys`, { operator: true }, key),
      call('POST', `/api/clients/${id}/keys/${id}/rotate`, {}, key),
      call('DELETE', `/api/clients/${id}/keys/${id}`, undefined, key),
    ];
    for (const refused of await Promise.all(forAdmins)) {
      expect(refused.headers.get('www-authenticate')).toContain('error="insufficient_scope", scope="admin"');
      expect(await answerOf(refused)).toEqual([403, 'insufficient_scope']);
    }
  });
});

it('a disabled client may not submit, until it is enabled again', async () => {
  const { id } = await addClient('On and off');
  await allow(id);
  const { key } = await addKey(id);
  expect(await json(call('PATCH', `/api/clients/${id}`, { disabled: true }))).toMatchObject({ disabled: true });
  expect(await submit(key)).toBe(403);
  expect(await json(call('PATCH', `/api/clients/${id}`, { failure_notices: false }))).toMatchObject({ disabled: true });
  expect(await json(call('PATCH', `/api/clients/${id}`, { disabled: false }))).toMatchObject({ disabled: false });
  expect(await submit(key)).toBe(200);
});

it.each(['/api/clients', '/api/suppressions', '/api/dead-letters'])(
  'a cursor of %s with what no text can hold is refused',
  async (path) => {
    const place = {
      name: 'a\0',
      address: 'a\0',
      diedAt: '9999999999999',
      emailId: '019a0000-0000-7000-8000-000000000000',
    };
    const cursor = Buffer.from(JSON.stringify(place)).toString('base64url');
    expect(await answerOf(await call('GET', `${path}?cursor=${cursor}`))).toEqual([422, 'invalid_fields']);
  },
);
