import { request } from 'node:http';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { sendForm, startTestApi, type TestApi } from '../../test/support/api.js';
import { insertClient } from '../../test/support/database.js';
import { exposeProcess } from '../process/metrics/registry.js';

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api.stop());

const seriesOf = (text: string) =>
  text.split('\n').flatMap((line) => (line.startsWith('tempost_') ? [line.replace(/ \S+$/, '')] : []));

/** Any method, also one that fetch would not send. */
const ask = (path: string, method = 'GET') =>
  new Promise<number>((resolve, reject) => {
    const asked = request(`${api.url}${path}`, { method }, (answer) => {
      answer.resume().on('end', () => resolve(answer.statusCode!));
    });
    asked.on('error', reject).end();
  });

it('counts submissions by class of client, priority and outcome, and requests by route and status', async () => {
  const headers = { 'Idempotency-Key': 'one' };
  const form = () => sendForm({ priority: 'low' });
  expect((await api.send(form(), headers)).status).toBe(200);
  expect((await api.send(form(), headers)).status).toBe(200);
  expect((await api.send(sendForm({ priority: 'urgent' }))).status).toBe(422);
  const text = await exposeProcess();
  const submission = (outcome: string) =>
    `tempost_submissions_total{client_class="client",priority="low",outcome="${outcome}"} 1`;
  expect(text).toContain(submission('accepted'));
  expect(text).toContain(submission('replayed'));
  expect(text).toContain('tempost_api_problems_total{code="invalid_fields"} 1');
  const count = (status: string) =>
    `tempost_api_request_duration_seconds_count{route="/api/send",method="POST",status="${status}"}`;
  expect(text).toContain(`${count('2xx')} 2`);
  expect(text).toContain(`${count('4xx')} 1`);
});

it('counts refused submissions by why, whoever it was, and whether or not the priority was read', async () => {
  const before = await exposeProcess();
  const counted = (text: string, labels: string) =>
    Number(new RegExp(`^tempost_submissions_total\\{${labels}\\} (\\d+)$`, 'm').exec(text)?.[1] ?? 0);
  const limited = await insertClient(api.db);
  await api.db.updateTable('clients').set({ daily_limit_low: 1 }).where('id', '=', limited.id).execute();
  const as = (key: string, more = {}) => ({ Authorization: `Bearer ${key}`, ...more });
  const form = (fields = {}) => sendForm({ priority: 'low', ...fields });
  const operator = await insertClient(api.db, { operator: true });
  const sent = await api.send(form(), as(limited.key, { 'Idempotency-Key': 'a' }));
  const statuses = [
    sent,
    await api.send(form(), as(limited.key)),
    await api.send(form({ subject: 'Another' }), as(limited.key, { 'Idempotency-Key': 'a' })),
    await api.send(form({ receiver: 'nobody' })),
    await api.send(form(), as('nobody')),
    await api.post(`/api/email/${((await sent.json()) as { id: string }).id}/resend`, {}, operator.key),
  ].map(({ status }) => status);
  expect(statuses).toEqual([200, 429, 422, 422, 401, 429]);
  const after = await exposeProcess();
  const grown = (client_class: string, priority: string, outcome: string) => {
    const labels = `client_class="${client_class}",priority="${priority}",outcome="${outcome}"`;
    return counted(after, labels) - counted(before, labels);
  };
  expect(grown('client', 'low', 'limited')).toBe(1);
  expect(grown('client', 'low', 'key_conflict')).toBe(1);
  expect(grown('client', 'unknown', 'invalid')).toBe(1);
  expect(grown('unknown', 'unknown', 'not_allowed')).toBe(1);
  expect(grown('operator', 'unknown', 'limited')).toBe(1);
  expect(grown('client', 'low', 'accepted')).toBe(1);
});

it('a stranger makes no series: paths, ids, methods and names of theirs are counted under our words', async () => {
  await ask('/api/email/1', 'PUT');
  await ask('/nothing', 'PROPFIND');
  await ask('/nothing');
  await api.get('/api/email/00000000-0000-4000-8000-000000000000');
  const before = seriesOf(await exposeProcess());
  for (let each = 0; each < 20; each++) {
    await ask(`/made-up/${each}?x=${each}`);
    await ask(`/made-up/${each}`, each % 2 ? 'PROPFIND' : 'MKCOL');
    await api.get(`/api/email/00000000-0000-4000-8000-0000000000${10 + each}`);
    await api.send(sendForm({ priority: 'low', sender: `Name ${each} <hello@example.com>`, tags: `tag-${each}` }));
  }
  expect(seriesOf(await exposeProcess())).toEqual(before);
});
