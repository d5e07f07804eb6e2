import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bury } from '../src/domain/dead-letters/dead-letters.js';
import { lockEmail } from '../src/domain/emails/events.js';
import { SHIPPED_STATUSES } from '../src/domain/emails/statuses.js';
import type { TestDatabase } from './support/database.js';
import type { EmailView, Stack } from './support/stack.js';
import { startTestSystem, type TestSystem } from './support/system.js';
import type { TestNamespace } from './support/temporal.js';
import { until } from './support/until.js';

let system: TestSystem;
let database: TestDatabase;
let temporal: TestNamespace;
let stack: Stack;

beforeAll(async () => {
  system = await startTestSystem({
    inbox: true,
    env: {
      BACKOFF_INITIAL_S: '0.2',
      BACKOFF_MAX_S: '1',
      CALL_TIMEOUT_MEDIUM_S: '3',
      NOTICE_SENDER: 'notices@mail.example.com',
    },
  });
  ({ database, temporal, stack } = system);
  // Open breakers would stop the clock of lifetimes: this is about e-mails that die.
  await database.db.updateTable('provider_controls').set({ forced: 'closed' }).execute();
});
afterAll(() => system?.drop());

async function api<T>(method: 'GET' | 'POST', path: string, body?: object): Promise<T> {
  const response = await fetch(`${stack.api}${path}`, {
    method,
    headers: { authorization: `Bearer ${stack.key}`, 'content-type': 'application/json' },
    body: body && JSON.stringify(body),
  });
  expect(response.status, `${method} ${path}`).toBe(200);
  return (await response.json()) as T;
}

interface Letter {
  readonly id: string;
  readonly reason: string;
  readonly code: string;
}
const letterOf = async (id: string) =>
  (await api<{ dead_letters: Letter[] }>('GET', '/api/dead-letters?limit=200')).dead_letters.find(
    (letter) => letter.id === id,
  );

interface Mail {
  readonly subject: string;
  readonly to: readonly { readonly address: string }[];
}
const mailsTo = async (address: string) =>
  ((await (await fetch(`${stack.inbox}/api/email`)).json()) as Mail[]).filter(({ to }) =>
    to.some((receiver) => receiver.address === address),
  );
const workflowOf = (id: string) => temporal.client.workflow.getHandle(`email-${id}`);

describe('an e-mail that no provider takes', () => {
  let id: string;

  it('dies of its lifetime, and is found in the dead letter store with its reason', async () => {
    await stack.setFaults({ mailgun: { down: true }, mandrill: { down: true } });
    id = await stack.submit({ sender: 'told@example.com', receiver: 'wrong@example.org', subject: 'Contract' });
    await until('it was tried twice', async () => (await stack.email(id)).attempts.length >= 2);
    await database.db
      .updateTable('emails')
      .set({ due_at: sql<Date>`due_at - interval '2 days'` })
      .where('id', '=', id)
      .execute();
    await stack.reaches(id, ['dead'], 90_000);
    const letter = await letterOf(id);
    expect(letter?.reason).toBe('lifetime_over');
    // Whichever provider was tried last.
    expect(['http_503', 'ServiceUnavailable']).toContain(letter?.code);
  });

  it('is sent through the provider and to the receiver that an operator names', async () => {
    await stack.setFaults({ mailgun: { down: true } });
    await api('POST', `/api/dead-letters/${id}/retry`, { provider: 'mandrill', receiver: 'right@example.org' });
    const view = await stack.isDelivered(id);
    expect(view.provider).toBe('mandrill');
    const calls = (await stack.acceptance()).filter((call) => call.email_id === id);
    expect(calls).toMatchObject([{ provider: 'mandrill', generation: 2 }]);
    await until('the corrected receiver has it', async () => (await mailsTo('right@example.org')).length === 1);
    expect(await mailsTo('wrong@example.org')).toEqual([]);
  });

  it('keeps its history over both lives', async () => {
    const { deaths, email } = await api<{ deaths: object[]; email: EmailView }>('GET', `/api/dead-letters/${id}`);
    expect(deaths).toMatchObject([{ generation: 1, reason: 'lifetime_over', resolution: 'retried' }]);
    expect(email.attempts).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ generation: 1, state: 'refused' }),
        expect.objectContaining({ generation: 2, attempt: 1, provider: 'mandrill', state: 'accepted' }),
      ]),
    );
    const types = email.events.map(({ type }) => type);
    expect(types).toEqual(expect.arrayContaining(['queued', 'dead', 'sent', 'delivered']));
    expect(await letterOf(id)).toBeUndefined();
  });

  it('has its sender told of the death, once', async () => {
    await until('the notice is there', async () => (await mailsTo('told@example.com')).length > 0);
    expect(await mailsTo('told@example.com')).toMatchObject([{ subject: 'Not delivered: Contract' }]);
  });

  it('has a workflow of its own for each life, and the latest one is alive', async () => {
    expect((await workflowOf(id).describe()).status.name).toBe('RUNNING');
    await stack.setFaults({});
  });
});

describe('a retry while the former workflow still runs', () => {
  it('is not stranded: the new life gets a workflow of its own', async () => {
    await stack.setFaults({ mailgun: { down: true }, mandrill: { down: true } });
    const id = await stack.submit();
    await stack.reaches(id, ['retrying']);
    // As if the e-mail had died while its workflow was busy with something else.
    await stack.kill('worker-medium');
    await database.db.updateTable('email_queue').set({ check_at: null }).where('email_id', '=', id).execute();
    await database.db
      .transaction()
      .execute(async (trx) => bury(trx, (await lockEmail(trx, id))!, 'lifetime_over', SHIPPED_STATUSES));
    expect((await workflowOf(id).describe()).status.name).toBe('RUNNING');

    await stack.setFaults({});
    await until('no call can be going on any more', async () => {
      const response = await fetch(`${stack.api}/api/email/${id}/retry`, {
        method: 'POST',
        headers: { authorization: `Bearer ${stack.key}` },
      });
      return response.status === 200;
    });
    await stack.startProcess('worker-medium');
    const view = await stack.isDelivered(id);
    expect(view.attempts.filter(({ state }) => state === 'accepted')).toHaveLength(1);
  });
});

describe('an e-mail that backs off for long', () => {
  const askedToWait = { throttled: { retryAfterS: 600 } };
  const backsOff = async (id: string) => {
    const { state } = await database.db
      .selectFrom('email_queue')
      .select('state')
      .where('email_id', '=', id)
      .executeTakeFirstOrThrow();
    return state === 'backing_off';
  };

  it('is cancelled, and its workflow woken to end', async () => {
    await stack.setFaults({ mailgun: askedToWait, mandrill: askedToWait });
    const id = await stack.submit({ priority: 'critical' });
    await until('it backs off', () => backsOff(id));
    await api('POST', `/api/email/${id}/cancel`);
    await until('its workflow is over', async () => (await workflowOf(id).describe()).status.name === 'COMPLETED');
    expect(await workflowOf(id).result()).toBe('cancelled');
    expect((await stack.email(id)).status).toBe('cancelled');
    expect((await stack.acceptance()).filter((call) => call.email_id === id)).toEqual([]);
    await stack.setFaults({});
  });

  it('is sent at once when it is told not to wait', async () => {
    await stack.setFaults({ mailgun: askedToWait, mandrill: askedToWait });
    const id = await stack.submit({ priority: 'critical' });
    await until('it backs off', () => backsOff(id));
    await stack.setFaults({});
    const headers = { authorization: `Bearer ${stack.key}` };
    const response = await fetch(`${stack.api}/api/email/${id}/retry-now`, { method: 'POST', headers });
    expect(response.status).toBe(202);
    await stack.reaches(id, ['delivered']);
  });
});
