import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type OperatedApi, sendForm, startOperatedApi } from '../../../test/support/api.js';
import { insertClient } from '../../../test/support/database.js';
import { answerOf } from '../../../test/support/record.js';

let api: OperatedApi;
beforeAll(async () => {
  api = await startOperatedApi();
});
afterAll(() => api?.stop());

const patch = (id: string, body: object, key?: string) => api.call('PATCH', `/api/clients/${id}`, body, key);
const submit = (key: string) => api.send(sendForm(), { Authorization: `Bearer ${key}` });

describe('/api/clients/{id}', () => {
  it('shows a client its limits and what it has submitted today', async () => {
    const client = await insertClient(api.db);
    await submit(client.key);
    expect(await (await api.get(`/api/clients/${client.id}`, client.key)).json()).toMatchObject({
      id: client.id,
      failure_notices: true,
      track_opens: true,
      daily_limits: { critical: 10_000, medium: 200_000, low: 1_000_000 },
      submitted_today: { critical: 0, medium: 1, low: 0 },
    });
  });

  it('lets an operator change limits and notices, one without the other', async () => {
    const client = await insertClient(api.db);
    expect((await patch(client.id, { daily_limits: { medium: 1 } })).status).toBe(200);
    expect(await (await patch(client.id, { failure_notices: false })).json()).toMatchObject({
      failure_notices: false,
      daily_limits: { critical: 10_000, medium: 1, low: 1_000_000 },
    });
    expect(await (await patch(client.id, { track_opens: false })).json()).toMatchObject({
      track_opens: false,
      failure_notices: false,
    });
    expect([(await submit(client.key)).status, (await submit(client.key)).status]).toEqual([200, 429]);
  });

  it('lets no client change itself, nor see another', async () => {
    const [one, other] = [await insertClient(api.db), await insertClient(api.db)];
    expect(await answerOf(await patch(one.id, { failure_notices: false }, one.key))).toEqual([403, 'operator_only']);
    expect((await api.get(`/api/clients/${one.id}`, other.key)).status).toBe(404);
  });

  it.each([{ daily_limits: { medium: -1 } }, { daily_limits: { urgent: 1 } }, { failure_notices: 'no' }, { x: 1 }])(
    'refuses %o',
    async (body) => {
      const client = await insertClient(api.db);
      expect(await answerOf(await patch(client.id, body))).toEqual([422, 'invalid_fields']);
    },
  );

  it('is 404 for a client that is none', async () => {
    expect((await api.get('/api/clients/x', api.operator.key)).status).toBe(404);
    expect((await patch('019a0000-0000-7000-8000-000000000000', {})).status).toBe(404);
  });
});
