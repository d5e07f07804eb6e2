import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestApi, type TestApi } from '../../../test/support/api.js';
import { insertClient } from '../../../test/support/database.js';
import { answerOf } from '../../../test/support/record.js';

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api.stop());

interface Listed {
  suppressions: { address: string; reason: string }[];
  next_cursor: string | null;
}
const list = async (key: string, query = '') =>
  (await (await api.get(`/api/suppressions${query}`, key)).json()) as Listed;
const add = (key: string, address: string) => api.post('/api/suppressions', { address }, key);
const remove = (key: string, address: string) =>
  fetch(`${api.url}/api/suppressions/${encodeURIComponent(address)}`, {
    method: 'DELETE',
    headers: { Authorization: `Bearer ${key}` },
  });

describe('/api/suppressions', () => {
  it('adds, lists and removes an address, whatever its case', async () => {
    const { key } = await insertClient(api.db);
    expect(await (await add(key, 'Ada@Example.org')).json()).toMatchObject({
      address: 'ada@example.org',
      reason: 'manual',
    });
    expect((await add(key, 'ada@example.org')).status).toBe(200);
    expect((await list(key)).suppressions).toMatchObject([{ address: 'ada@example.org', reason: 'manual' }]);
    expect((await remove(key, 'ADA@example.org')).status).toBe(204);
    expect((await list(key)).suppressions).toEqual([]);
    expect(await answerOf(await remove(key, 'ada@example.org'))).toEqual([404, 'suppression_not_found']);
  });

  it('keeps the reason that was there first', async () => {
    const { id, key } = await insertClient(api.db);
    const bounced = { client_id: id, address: 'b@example.org', reason: 'bounced' as const };
    await api.db.insertInto('suppressions').values(bounced).execute();
    expect(await (await add(key, 'b@example.org')).json()).toMatchObject({ reason: 'bounced' });
  });

  it('filters by address and reason, and comes in pages', async () => {
    const { key } = await insertClient(api.db);
    for (const name of ['c', 'a', 'b']) await add(key, `${name}@example.org`);
    expect((await list(key, '?address=b%40example.org')).suppressions).toHaveLength(1);
    expect((await list(key, '?reason=bounced')).suppressions).toEqual([]);
    const first = await list(key, '?limit=2');
    const second = await list(key, `?limit=2&cursor=${first.next_cursor}`);
    const names = [...first.suppressions, ...second.suppressions].map(({ address }) => address[0]);
    expect(names).toEqual(['a', 'b', 'c']);
    expect(second.next_cursor).toBeNull();
  });

  it('is each client’s own; an operator may name another client', async () => {
    const [one, other] = [await insertClient(api.db), await insertClient(api.db)];
    const operator = await insertClient(api.db, { operator: true });
    await add(one.key, 'x@example.org');
    expect((await list(other.key)).suppressions).toEqual([]);
    expect((await remove(other.key, 'x@example.org')).status).toBe(404);
    expect(await answerOf(await api.get(`/api/suppressions?client=${one.id}`, other.key))).toEqual([
      403,
      'operator_only',
    ]);
    expect((await list(operator.key, `?client=${one.id}`)).suppressions).toHaveLength(1);
  });

  it.each([{}, { address: 'nobody' }, { address: 'a@b.example', reason: 'bounced' }, { address: 'a@b.example', x: 1 }])(
    'refuses %o',
    async (body) => {
      expect(await answerOf(await api.post('/api/suppressions', body))).toEqual([422, 'invalid_fields']);
    },
  );
});
