import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type OperatedApi, sendForm, startOperatedApi } from '../../../test/support/api.js';
import { answerOf } from '../../../test/support/record.js';
import { MOST_HOLDS } from '../../domain/holds/holds.js';

let api: OperatedApi;
beforeAll(async () => {
  api = await startOperatedApi();
});
afterAll(() => api?.stop());
afterEach(async () => {
  for (const { id } of await list()) await call('DELETE', `/${id}`);
});

const call = (method: string, path = '', body?: object) => api.call(method, `/api/admin/holds${path}`, body);
const list = async () => ((await (await call('GET')).json()) as { holds: { id: string; held: number }[] }).holds;
async function hold(body: object): Promise<string> {
  const answer = await call('POST', '', { reason: 'wrong prices', ...body });
  expect(answer.status).toBe(201);
  return ((await answer.json()) as { id: string }).id;
}
const statusOf = async (answer: Response) => ((await answer.json()) as { status: string }).status;

describe('/api/admin/holds', () => {
  it('accepts what is held, counts it with the reason and who it was, and releases it', async () => {
    const id = await hold({ tag: 'sale' });
    expect(await statusOf(await api.send(sendForm({ tags: 'sale' })))).toBe('queued');
    expect(await statusOf(await api.send(sendForm({ tags: 'other' })))).toBe('queued');
    expect(await list()).toMatchObject([{ id, tag: 'sale', reason: 'wrong prices', reject: false, held: 1 }]);
    expect((await call('DELETE', `/${id}`)).status).toBe(204);
    expect(await list()).toEqual([]);
  });

  it('refuses submissions instead where that was asked for, and says when to come again', async () => {
    await hold({ receiver_domain: 'Example.org', reject: true });
    const refused = await api.send(sendForm({ receiver: 'ada@example.org' }));
    expect(refused.headers.get('Retry-After')).toMatch(/^\d+$/);
    expect(await answerOf(refused)).toEqual([503, 'held']);
    expect((await api.send(sendForm({ receiver: 'ada@example.com' }))).status).toBe(200);
  });

  it('is told twice to release it: the second time there is none', async () => {
    const id = await hold({ client: api.client.id });
    expect((await call('DELETE', `/${id}`)).status).toBe(204);
    expect(await answerOf(await call('DELETE', `/${id}`))).toEqual([404, 'hold_not_found']);
    expect(await answerOf(await call('DELETE', '/none'))).toEqual([404, 'hold_not_found']);
  });

  it('wants to know which mail, and why', async () => {
    for (const body of [
      { reason: 'why' },
      { tag: 'sale' },
      { tag: 'sale', reason: ' ' },
      { priority: 'low', reason: 'x' },
    ]) {
      expect(await answerOf(await call('POST', '', body))).toEqual([422, 'invalid_fields']);
    }
  });

  it('has an end', async () => {
    for (let count = 0; count < MOST_HOLDS; count++) await hold({ tag: `tag-${count}` });
    expect(await answerOf(await call('POST', '', { tag: 'one more', reason: 'x' }))).toEqual([409, 'too_many_holds']);
  });
});
