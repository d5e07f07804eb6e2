import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type OperatedApi, sendForm, startOperatedApi, startTestApi } from '../../../test/support/api.js';
import { insertClient, type TestClient } from '../../../test/support/database.js';

let api: OperatedApi;
let other: TestClient;
const ids: Record<string, string> = {};

interface Page {
  readonly emails: readonly { readonly id: string; readonly client_id: string; readonly receiver: string }[];
  readonly next_cursor: string | null;
}

beforeAll(async () => {
  api = await startOperatedApi();
  other = await insertClient(api.db);
  const submit = async (name: string, fields: Record<string, string>, key = api.client.key) => {
    const answer = await api.send(sendForm(fields), { Authorization: `Bearer ${key}` });
    expect(answer.status).toBe(200);
    ids[name] = ((await answer.json()) as { id: string }).id;
  };
  await submit('ada', { receiver: 'Ada <Ada@example.org>', tags: 'welcome', metadata: '{"order":1042,"plan":"a=b"}' });
  await submit('plus', { receiver: 'ada+news@example.org', sender: 'News <news@example.com>', priority: 'low' });
  await submit('idn', {
    receiver: 'ada@xn--bcher-kva.example.org',
    send_at: new Date(Date.now() + 3_600_000).toISOString(),
  });
  await submit('theirs', { receiver: 'ada@example.org' }, other.key);
});
afterAll(() => api?.stop());

async function search(query: string, key?: string): Promise<Page> {
  const answer = await api.get(`/api/emails${query}`, key);
  expect(answer.status).toBe(200);
  expect(answer.headers.get('cache-control')).toBe('no-store');
  return (await answer.json()) as Page;
}
const namesOf = ({ emails }: Page) =>
  emails.map(({ id }) => Object.entries(ids).find(([, known]) => known === id)?.[0]);

describe('GET /api/emails', () => {
  it('shows an e-mail as lists need it, without its content', async () => {
    const { emails, next_cursor } = await search('?receiver=ada@example.org');
    expect(next_cursor).toBeNull();
    expect(emails).toStrictEqual([
      {
        id: ids.ada,
        client_id: api.client.id,
        status: 'queued',
        priority: 'medium',
        sender: 'shop@example.com',
        receiver: 'Ada <Ada@example.org>',
        subject: 'Your order',
        tags: ['welcome'],
        created_at: expect.any(String),
        deadline_at: expect.any(String),
        sent_at: null,
        provider: null,
      },
    ]);
  });

  it.each([
    ['', ['idn', 'plus', 'ada']],
    ['?receiver=ADA@EXAMPLE.ORG', ['ada']],
    ['?receiver=ada%2Bnews@example.org', ['plus']],
    ['?receiver=ada@bücher.example.org', ['idn']],
    ['?sender=NEWS@example.com', ['plus']],
    ['?status=scheduled', ['idn']],
    ['?status=queued', ['plus', 'ada']],
    ['?priority=low', ['plus']],
    ['?tag=welcome', ['ada']],
    ['?metadata=order=1042', ['ada']],
    ['?metadata=order=1042&metadata=plan=a=b', ['ada']],
    ['?metadata=order=1042&metadata=plan=b', []],
    ['?tag=welcome&priority=low', []],
    ['?to=2026-01-01T00:00:00Z', []],
  ])('%s finds %j, the newest first', async (query, names) => {
    expect(namesOf(await search(query))).toEqual(names);
  });

  it('goes on page by page', async () => {
    const first = await search('?limit=2');
    const second = await search(`?limit=2&cursor=${first.next_cursor}`);
    expect([namesOf(first), namesOf(second), second.next_cursor]).toEqual([['idn', 'plus'], ['ada'], null]);
  });

  it('never shows another client’s, and operators all or one client’s', async () => {
    expect(namesOf(await search('?receiver=ada@example.org', other.key))).toEqual(['theirs']);
    expect(namesOf(await search('?receiver=ada@example.org', api.operator.key))).toEqual(['theirs', 'ada']);
    expect(namesOf(await search(`?client=${other.id}`, api.operator.key))).toEqual(['theirs']);
    const refused = await api.get(`/api/emails?client=${other.id}`);
    expect([refused.status, await refused.json()]).toMatchObject([403, { code: 'operator_only' }]);
  });

  it('refuses what it does not understand, every fault at once', async () => {
    const query = 'receiver=nobody&status=9&priority=urgent&limit=0&cursor=x&metadata=order&colour=red&tag=a&tag=b';
    const refused = await api.get(`/api/emails?${query}`);
    const { code, errors } = (await refused.json()) as { code: string; errors: { field: string }[] };
    expect([refused.status, code]).toEqual([422, 'invalid_fields']);
    const fields = ['receiver', 'status', 'priority', 'limit', 'cursor', 'metadata', 'colour', 'tag'];
    expect(new Set(errors.map(({ field }) => field))).toEqual(new Set(fields));
    for (const wrong of [
      'status=lost',
      'from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z',
      'from=2020-01-01T00:00:00Z',
    ]) {
      expect((await api.get(`/api/emails?${wrong}`)).status, wrong).toBe(422);
    }
  });

  it('turns searches away that too many wait before, and answers all others', async () => {
    const crowded = await startTestApi({ searchesAtOnce: 1, searchesWaiting: 1 });
    try {
      const answers = await Promise.all(Array.from({ length: 20 }, () => crowded.get('/api/emails')));
      const statuses = new Set(answers.map(({ status }) => status));
      expect(statuses).toEqual(new Set([200, 503]));
      const refused = answers.find(({ status }) => status === 503)!;
      expect(refused.headers.get('retry-after')).toBe('1');
      expect(await refused.json()).toMatchObject({ code: 'too_many_searches' });
    } finally {
      await crowded.stop();
    }
  });
});
