import { request } from 'node:http';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { sendForm, startTestApi, type TestApi } from '../../test/support/api.js';
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
