import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type OperatedApi, startOperatedApi } from '../../../test/support/api.js';
import { insertClient } from '../../../test/support/database.js';
import { deadLettersBy, idsOf, insertDeadEmail } from '../../../test/support/dead.js';
import { storeEvents } from '../../../test/support/provider-events.js';
import { answerOf } from '../../../test/support/record.js';

let api: OperatedApi;
beforeAll(async () => {
  api = await startOperatedApi();
});
afterAll(() => api?.stop());

const { list, retry, letterOf } = deadLettersBy(() => api);

describe('GET /api/dead-letters', () => {
  it('finds by priority, reason, provider, code, client, receiver’s domain and time', async () => {
    const client = await insertClient(api.db);
    const mine = { clientId: client.id };
    const low = await insertDeadEmail(api.db, { ...mine, priority: 'low', reason: 'ambiguous' });
    const elsewhere = await insertDeadEmail(api.db, {
      ...mine,
      receiver: 'ada@other.example.com',
      attempts: [
        { state: 'refused', code: 'http_503' },
        { provider: 'mandrill', state: 'refused', code: 'http_429' },
      ],
    });
    const of = async (filter: string) => idsOf(await list(`?client=${client.id}${filter}`));
    expect(await of('')).toEqual([low, elsewhere]);
    const untried = await insertDeadEmail(api.db, { ...mine, reason: 'stopped_in_temporal', attempts: [] });
    expect(await of('&without_code=true')).toEqual([untried]);
    expect(await of('&without_provider=true&reason=stopped_in_temporal')).toEqual([untried]);
    await api.db.deleteFrom('dead_emails').where('email_id', '=', untried).execute();
    expect(await of('&priority=low')).toEqual([low]);
    expect(await of('&reason=ambiguous')).toEqual([low]);
    expect(await of('&provider=mandrill')).toEqual([elsewhere]);
    expect(await of('&code=http_429')).toEqual([elsewhere]);
    expect(await of('&receiver_domain=Other.example.com')).toEqual([elsewhere]);
    expect(await of('&from=2020-01-01T00:00:00Z&to=2020-01-02T00:00:00Z')).toEqual([]);
    expect(await of('&from=2020-01-01T00:00:00Z')).toHaveLength(2);
  });

  it('comes in pages that miss nothing and repeat nothing', async () => {
    const client = await insertClient(api.db);
    const ids: string[] = [];
    for (let count = 0; count < 5; count++) ids.push(await insertDeadEmail(api.db, { clientId: client.id }));
    const found: string[] = [];
    let page = await list('?limit=2', client.key);
    for (found.push(...idsOf(page)); page.next_cursor; found.push(...idsOf(page))) {
      page = await list(`?limit=2&cursor=${page.next_cursor}`, client.key);
    }
    expect(found).toEqual(ids);
  });

  it('shows a client its own, and refuses it another one’s', async () => {
    const [one, other] = [await insertClient(api.db), await insertClient(api.db)];
    const id = await insertDeadEmail(api.db, { clientId: one.id });
    expect(idsOf(await list('', one.key))).toEqual([id]);
    expect(idsOf(await list('', other.key))).toEqual([]);
    expect(await answerOf(await api.get(`/api/dead-letters?client=${one.id}`, other.key))).toEqual([
      403,
      'operator_only',
    ]);
  });

  it.each(['?priority=urgent', '?cursor=x', '?limit=0', '?limit=x', '?nonsense=1', '?from=yesterday'])(
    'refuses %s',
    async (query) => {
      expect(await answerOf(await api.get(`/api/dead-letters${query}`, api.operator.key))).toEqual([
        422,
        'invalid_fields',
      ]);
    },
  );
});

describe('GET /api/dead-letters/{id}', () => {
  it('shows every death with all attempts and events, over all generations', async () => {
    const id = await insertDeadEmail(api.db);
    await retry(id);
    const shown = (await (await api.get(`/api/dead-letters/${id}`, api.operator.key)).json()) as {
      deaths: unknown;
      email: { attempts: unknown; events: { type: string }[]; status: string };
    };
    expect(shown.deaths).toMatchObject([
      { generation: 1, reason: 'lifetime_over', code: 'http_503', resolution: 'retried' },
    ]);
    expect(shown.email.attempts).toMatchObject([{ generation: 1, attempt: 1, code: 'http_503' }]);
    expect(shown.email.events.map(({ type }) => type)).toEqual(['queued', 'dead', 'queued']);
    expect(shown.email.status).toBe('queued');
  });

  it('is 404 for another client’s, and for an e-mail that never died', async () => {
    const other = await insertClient(api.db);
    const id = await insertDeadEmail(api.db);
    expect((await api.get(`/api/dead-letters/${id}`, other.key)).status).toBe(404);
    expect((await api.get('/api/dead-letters/019a0000-0000-7000-8000-000000000000', api.operator.key)).status).toBe(
      404,
    );
  });
});

describe('a dead letter', () => {
  it('is resolved as delivered when its provider turns out to have taken it', async () => {
    const id = await insertDeadEmail(api.db, { reason: 'ambiguous', attempts: [{ state: 'abandoned' }] });
    const delivered = {
      provider: 'mailgun',
      providerEventId: 'late',
      type: 'delivered',
      generation: 1,
      attempt: 1,
      occurredAt: new Date(),
      providerMessageId: 'm',
      metadata: {},
    } as const;
    await storeEvents(api.db, id, [delivered]);
    expect(await letterOf(id)).toMatchObject({ resolution: 'delivered' });
    expect(await answerOf(await retry(id))).toEqual([409, 'not_retryable']);
  });
});

describe('GET /api/dead-letters/groups', () => {
  it('counts the open ones of the key’s client by reason, code and provider, the most first', async () => {
    const owner = await insertClient(api.db);
    const dead = (reason: 'lifetime_over' | 'ambiguous', code: string) =>
      insertDeadEmail(api.db, { clientId: owner.id, reason, attempts: [{ state: 'refused', code }] });
    await dead('ambiguous', 'timeout');
    await dead('lifetime_over', 'http_500');
    await dead('lifetime_over', 'http_500');
    const answer = await api.get('/api/dead-letters/groups', owner.key);
    expect(await answer.json()).toMatchObject({
      groups: [
        { reason: 'lifetime_over', code: 'http_500', provider: 'mailgun', waiting: 2 },
        { reason: 'ambiguous', code: 'timeout', provider: 'mailgun', waiting: 1 },
      ],
    });
  });
});
