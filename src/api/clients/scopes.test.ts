import { randomBytes } from 'node:crypto';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type OperatedApi, sendForm, startOperatedApi } from '../../../test/support/api.js';
import { insertClient, type TestClient } from '../../../test/support/database.js';
import { answerOf } from '../../../test/support/record.js';
import { ensureBootstrapKey } from '../../domain/clients/bootstrap-key.js';
import { MOST_KEYS } from '../../domain/clients/key-management.js';
import { MOST_SENDERS } from '../../domain/clients/senders.js';

let api: OperatedApi;
let client: TestClient;
/** May administer its own client. */
let owner: TestClient;
beforeAll(async () => {
  api = await startOperatedApi();
  client = await insertClient(api.db);
  owner = await insertClient(api.db, { keyColumns: { scopes: ['admin'] } });
});
afterAll(() => api.stop());

interface Key {
  readonly id: string;
  readonly key: string;
}
const call: OperatedApi['call'] = (...request) => api.call(...request);
const keysOf = ({ id }: TestClient) => `/api/clients/${id}/keys`;
const addKey = async (body: object, to = client, by = api.operator.key) => {
  const response = await call('POST', keysOf(to), body, by);
  expect(response.status).toBe(201);
  return (await response.json()) as Key;
};
const inAnHour = () => new Date(Date.now() + 3_600_000).toISOString();

describe('a new key', () => {
  it('is what was asked for, and is listed so', async () => {
    const terms = {
      name: 'dashboard',
      scopes: ['read', 'content'],
      allowed_addresses: ['127.0.0.0/8', '::1'],
      expires_at: inAnHour(),
    };
    const made = await addKey({ ...terms, rate_limits: { read: { rate: 5 } } });
    const { keys } = (await (await call('GET', keysOf(client))).json()) as { keys: Key[] };
    const rate_limits = { send: null, read: { rate: 5, burst: 10 } };
    expect(keys.find(({ id }) => id === made.id)).toMatchObject({ ...terms, rate_limits, role: null, operator: false });
    expect((await call('GET', `/api/clients/${client.id}`, undefined, made.key)).status).toBe(200);
    expect(await answerOf(await api.send(sendForm(), { Authorization: `Bearer ${made.key}` }))).toEqual([
      403,
      'insufficient_scope',
    ]);
  });

  it('is refused with every fault at once', async () => {
    const body = {
      ...{
        name: 'a\nb',
        scopes: ['everything'],
        allowed_addresses: ['example.com'],
        expires_at: '2020-01-01T00:00:00Z',
      },
      ...{ rate_limits: { send: { rate: 0 } }, x: 1 },
    };
    const { errors } = (await (await call('POST', keysOf(client), body)).json()) as { errors: { field: string }[] };
    const fields = errors.map(({ field }) => field).sort();
    expect(fields).toEqual(['allowed_addresses.0', 'expires_at', 'name', 'rate_limits.send.rate', 'scopes.0', 'x']);
  });

  it.each([
    { role: 'viewer' },
    { role: 'viewer', name: 'Ada', scopes: ['read'] },
    { operator: true, role: 'viewer', name: 'Ada' },
    { scopes: [] },
  ])('is refused for %o, which says two things or nothing', async (body) => {
    expect(await answerOf(await call('POST', keysOf(client), body))).toEqual([422, 'invalid_fields']);
  });

  it('ends when it expires, and says when it was used', async () => {
    const { id, key } = await addKey({ expires_at: inAnHour() });
    expect((await api.get('/api/suppressions', key)).status).toBe(200);
    const used = () => api.db.selectFrom('api_keys').select('last_used_at').where('id', '=', id).executeTakeFirst();
    await expect.poll(async () => (await used())?.last_used_at ?? null).not.toBeNull();
    await api.db.updateTable('api_keys').set({ expires_at: sql<Date>`now()` }).where('id', '=', id).execute();
    expect(await answerOf(await api.get('/api/suppressions', key))).toEqual([401, 'invalid_api_key']);
  });

  it('is not taken from elsewhere, whatever the request says of itself', async () => {
    const { key } = await addKey({ allowed_addresses: ['192.0.2.0/24'] });
    const headers = { Authorization: `Bearer ${key}`, 'X-Forwarded-For': '192.0.2.7' };
    expect(await answerOf(await fetch(`${api.url}/api/suppressions`, { headers }))).toEqual([
      403,
      'address_not_allowed',
    ]);
  });
});

describe('a client’s key with the scope admin', () => {
  it('makes, rotates and revokes keys of its own client', async () => {
    const made = await addKey({ scopes: ['send', 'content'] }, owner, owner.key);
    const rotated = await call('POST', `${keysOf(owner)}/${made.id}/rotate`, { overlap_hours: 1 }, owner.key);
    expect([rotated.status, rotated.headers.get('cache-control')]).toEqual([201, 'no-store']);
    const next = (await rotated.json()) as Key & { replaces: { id: string } };
    expect(next).toMatchObject({ scopes: ['send', 'content'], replaces: { id: made.id, replaced_by: next.id } });
    for (const key of [made.key, next.key]) {
      expect((await api.send(sendForm(), { Authorization: `Bearer ${key}` })).status).toBe(200);
    }
    expect((await call('DELETE', `${keysOf(owner)}/${next.id}`, undefined, owner.key)).status).toBe(204);
    expect((await api.send(sendForm(), { Authorization: `Bearer ${next.key}` })).status).toBe(401);
  });

  it('never makes an operator of itself: it neither makes, rotates nor revokes an operator’s key', async () => {
    for (const body of [{ operator: true }, { role: 'viewer', name: 'me' }, { role: 'admin', name: 'me' }]) {
      expect(await answerOf(await call('POST', keysOf(owner), body, owner.key))).toEqual([403, 'operator_only']);
    }
    const colleague = await addKey({ role: 'viewer', name: 'Ada' }, owner);
    const at = `${keysOf(owner)}/${colleague.id}`;
    expect(await answerOf(await call('POST', `${at}/rotate`, {}, owner.key))).toEqual([404, 'key_not_found']);
    expect(await answerOf(await call('DELETE', at, undefined, owner.key))).toEqual([404, 'key_not_found']);
  });
});

describe('a rotation that cannot be', () => {
  it('says why', async () => {
    const rotate = (id: string, of = client) => call('POST', `${keysOf(of)}/${id}/rotate`, {});
    const once = await addKey({});
    await rotate(once.id);
    expect(await answerOf(await rotate(once.id))).toEqual([409, 'already_rotated']);
    const revoked = await addKey({});
    await call('DELETE', `${keysOf(client)}/${revoked.id}`);
    expect(await answerOf(await rotate(revoked.id))).toEqual([409, 'key_ended']);
    await ensureBootstrapKey(api.db, 'bootstrap', 'a-configured-key-of-some-length');
    const { client_id, id } = await api.db
      .selectFrom('api_keys')
      .select(['client_id', 'id'])
      .where('bootstrap', '=', true)
      .executeTakeFirstOrThrow();
    expect(await answerOf(await rotate(id, { id: client_id, key: '' }))).toEqual([409, 'configured_key']);
  });
});

describe('/api/clients/{id}/senders', () => {
  it('adds, lists and removes, in one spelling', async () => {
    const { id } = await insertClient(api.db, { senders: [] });
    const at = `/api/clients/${id}/senders`;
    const added = await call('POST', at, { sender: 'Example.COM' });
    expect(await added.json()).toMatchObject({ senders: [{ sender: 'example.com' }] });
    for (const sender of ['*.example.org', '*']) await call('POST', at, { sender });
    const list = async () => ((await (await call('GET', at)).json()) as { senders: { sender: string }[] }).senders;
    expect((await list()).map(({ sender }) => sender)).toEqual(['*', '*.example.org', 'example.com']);
    for (const sender of ['%2A', '*.example.org', 'EXAMPLE.com']) {
      expect((await call('DELETE', `${at}/${sender}`)).status).toBe(204);
      expect(await answerOf(await call('DELETE', `${at}/${sender}`))).toEqual([404, 'sender_not_found']);
    }
    expect(await answerOf(await call('DELETE', `${at}/x`))).toEqual([404, 'sender_not_found']);
    expect(await answerOf(await call('POST', at, { sender: 'com' }))).toEqual([422, 'invalid_fields']);
    expect(await list()).toEqual([]);
  });

  it('says when there are too many', async () => {
    const { id } = await insertClient(api.db, { senders: [] });
    const rows = Array.from({ length: MOST_SENDERS }, (_, n) => ({ client_id: id, sender: `d${n}.example.com` }));
    await api.db.insertInto('client_senders').values(rows).execute();
    const more = await call('POST', `/api/clients/${id}/senders`, { sender: 'example.org' });
    expect(await answerOf(more)).toEqual([409, 'too_many_senders']);
  });

  it('has as many keys as anybody needs, those among them that ended within a month', async () => {
    const { id } = await insertClient(api.db);
    const at = `/api/clients/${id}/keys`;
    const { keys } = (await (await call('GET', at)).json()) as { keys: Key[] };
    const rows = Array.from({ length: MOST_KEYS - 1 }, (_, n) => ({
      client_id: id,
      key_hash: randomBytes(32),
      prefix: `tp_${n}`,
      scopes: ['send' as const],
      revoked_at: n % 2 ? new Date() : null,
    }));
    await api.db.insertInto('api_keys').values(rows).execute();
    expect(await answerOf(await call('POST', at, {}))).toEqual([409, 'too_many_keys']);
    expect(await answerOf(await call('POST', `${at}/${keys[0]!.id}/rotate`, {}))).toEqual([409, 'too_many_keys']);
    const long = sql<Date>`now() - interval '31 days'`;
    await api.db.updateTable('api_keys').set({ revoked_at: long }).where('prefix', '=', 'tp_1').execute();
    expect((await call('POST', at, {})).status).toBe(201);
  });
});
