import { afterAll, beforeAll, expect, it } from 'vitest';
import { patient } from './support/patience.js';
import { startTestSystem, type TestSystem } from './support/system.js';
import { until } from './support/until.js';

let system: TestSystem;
beforeAll(async () => {
  system = await startTestSystem();
});
afterAll(() => system?.drop());

async function holds(method: 'POST' | 'DELETE', path = '', body?: object): Promise<{ id: string }> {
  const { stack } = system;
  const response = await fetch(`${stack.api}/api/admin/holds${path}`, {
    method,
    headers: { authorization: `Bearer ${stack.key}`, 'content-type': 'application/json' },
    body: body && JSON.stringify(body),
  });
  expect(response.status).toBeLessThan(300);
  return method === 'POST' ? ((await response.json()) as { id: string }) : { id: '' };
}
const stateOf = async (id: string) =>
  (await system.database.db.selectFrom('email_queue').select('state').where('email_id', '=', id).executeTakeFirst())
    ?.state;
const callsOf = async (id: string) => (await system.stack.acceptance()).filter((call) => call.email_id === id).length;

it('a hold stops what is backing off and what comes, lets everybody else’s through, and is undone by its release', {
  timeout: patient(180_000),
}, async () => {
  const { stack } = system;
  await stack.setFaults({ mailgun: { down: true }, mandrill: { down: true } });
  const onItsWay = await stack.submit({ priority: 'critical', receiver: 'held@held.example.org' });
  await until('it has been refused', async () => (await stack.email(onItsWay)).attempts.length > 0);
  const { id } = await holds('POST', '', { receiver_domain: 'held.example.org', reason: 'their server is down' });
  await stack.setFaults({});
  const later = await stack.submit({ priority: 'critical', receiver: 'later@held.example.org' });
  const other = await stack.submit({ priority: 'critical', receiver: 'free@example.org' });
  await stack.reaches(other, ['delivered', 'opened']);
  await until('it is held', async () => (await stateOf(onItsWay)) === 'held');
  expect(await stateOf(later)).toBe('held');
  expect([await callsOf(onItsWay), await callsOf(later)]).toEqual([0, 0]);
  await holds('DELETE', `/${id}`);
  for (const email of [onItsWay, later]) {
    await stack.reaches(email, ['delivered', 'opened']);
    expect(await callsOf(email)).toBe(1);
  }
});
