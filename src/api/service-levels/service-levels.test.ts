import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestApi, type TestApi } from '../../../test/support/api.js';
import { insertClient } from '../../../test/support/database.js';
import { insertQueuedEmail } from '../../../test/support/emails.js';
import { runCli } from '../../cli/run.js';

let api: TestApi;
let operator: string;

beforeAll(async () => {
  api = await startTestApi();
  await api.db
    .updateTable('service_level_start')
    .set({ counted_from: new Date(0) })
    .execute();
  ({ key: operator } = await insertClient(api.db, { operator: true }));
  const handOver = async (count: number, dueInS: number) => {
    for (let n = 0; n < count; n++) {
      const id = await insertQueuedEmail(api.db, { clientId: api.client.id, dueInS, deadlineInS: dueInS + 900 });
      await api.db.updateTable('emails').set({ sent_at: new Date(), status: 'sent' }).where('id', '=', id).execute();
      await api.db.updateTable('email_queue').set({ state: 'handed_over' }).where('email_id', '=', id).execute();
    }
  };
  await handOver(8, 60);
  await handOver(1, -1_000);
  await insertQueuedEmail(api.db, { clientId: api.client.id, dueInS: -1_200, deadlineInS: -300 });
});
afterAll(() => api.stop());

const range = () => {
  const hours = (n: number) => new Date(Date.now() + n * 3_600_000).toISOString();
  return `from=${hours(-10)}&to=${hours(10)}`;
};

describe('GET /api/admin/service-levels', () => {
  it('says what was in time and what was late, what the objective leaves, and which were the latest', async () => {
    const response = await api.get(`/api/admin/service-levels?${range()}&by=month&target=75`, operator);
    expect(response.status).toBe(200);
    const body = (await response.json()) as Record<string, never[]>;
    expect(body).toMatchObject({ target_percent: 75, counted_from: expect.stringMatching(/Z$/) });
    expect(body.totals).toMatchObject([
      { priority: 'critical', measured: 0, attainment_percent: null },
      {
        priority: 'medium',
        ...{ in_time: 8, late: 2, still_waiting: 1, pending: 0, dead: 0, failed: 0, cancelled: 0 },
        ...{ measured: 10, attainment_percent: 80, budget: 2, budget_left: 0 },
      },
      { priority: 'low', measured: 0 },
    ]);
    expect(body.latest).toHaveLength(2);
    expect(body.latest).toMatchObject([
      { waiting: true, late_by_pause: false },
      { waiting: false, late_by_pause: false },
    ]);
  });

  it('counts by client when it is asked to, and only one client when one is named', async () => {
    const rows = async (query: string) => {
      const response = await api.get(`/api/admin/service-levels?${range()}&by=month&${query}`, operator);
      return ((await response.json()) as { periods: { client_id: string; in_time: number }[] }).periods;
    };
    const counted = (all: { client_id: string; in_time: number }[]) =>
      all.reduce((sum, { in_time }) => sum + in_time, 0);
    const perClient = await rows('per_client=true');
    expect(new Set(perClient.map(({ client_id }) => client_id))).toEqual(new Set([api.client.id]));
    expect(counted(perClient)).toBe(8);
    expect(counted(await rows(`client=${api.client.id}`))).toBe(8);
    expect(await rows('client=00000000-0000-7000-8000-000000000000')).toEqual([]);
  });

  it.each([
    ['from=2026-11-02T00:00:00Z&to=2026-11-01T00:00:00Z', 'from'],
    ['from=2026-01-01T00:00:00Z&to=2026-11-01T00:00:00Z&by=hour', 'by'],
    ['by=week', 'by'],
    ['to=0000-01-01T00:00:00Z', 'to'],
    ['target=101', 'target'],
    ['client=me', 'client'],
  ])('refuses %s', async (query, field) => {
    const response = await api.get(`/api/admin/service-levels?${query}`, operator);
    expect(response.status).toBe(422);
    expect(await response.json()).toMatchObject({ code: 'invalid_fields', errors: [{ field }] });
  });
});

describe('tempost slo', () => {
  it('shows the same for people, and for programs', async () => {
    const env = { TEMPOST_URL: api.url, TEMPOST_API_KEY: operator };
    const run = async (...words: string[]) => {
      const out: string[] = [];
      const code = await runCli(['slo', ...words], env, {
        out: (text) => out.push(text),
        error: (text) => out.push(text),
      });
      return { code, text: out.join('\n') };
    };
    const [from, to] = range()
      .replaceAll(/from=|to=/g, '')
      .split('&') as [string, string];
    const told = await run('--by', 'month', '--from', from, '--to', to, '--objective', '75');
    expect(told.code).toBe(0);
    expect(told.text).toMatch(/^medium +8 +2 +0 +0 +80 % +0 of 2 +1 +0 /m);
    expect(told.text).toMatch(/ waits +no$/m);
    const json = await run('--json', '--priority', 'medium', '--from', from, '--to', to);
    expect(JSON.parse(json.text)).toMatchObject({ totals: [{ priority: 'medium', in_time: 8, late: 2 }] });
  });
});
