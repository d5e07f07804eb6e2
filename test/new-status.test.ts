import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCli } from '../src/cli/run.js';
import { createTestDatabase, type TestDatabase } from './support/database.js';
import { patient } from './support/patience.js';
import { Stack } from './support/stack.js';
import { createTestNamespace, type TestNamespace } from './support/temporal.js';
import { until } from './support/until.js';
import { mailgunBody, mailgunEvent, mailgunSignature, postMailgun } from './support/webhooks.js';

const SIGNING_KEY = 'sandbox-signing-key';

/**
 * A status of which no line of the system knows. `bad_reply` is one that operators want to find in Temporal, of which
 * the sender is told, and after which the e-mail may be sent once more.
 */
const ROWS = [
  {
    ...{ name: 'replied', rank: 87, preference: 195, survives: true, final: true, signal: 'over' as const },
    ...{ description: 'the receiver has answered it', provider_events: ['mailgun_replied'] },
  },
  {
    ...{ name: 'bad_reply', rank: 93, preference: 145, survives: false, final: true, signal: 'over' as const },
    ...{ description: 'answered by a machine', provider_events: ['mailgun_auto_replied'] },
    ...{ trouble: true, retryable: true, told: true },
  },
];

let database: TestDatabase;
let temporal: TestNamespace;
let stack: Stack;

beforeAll(async () => {
  [database, temporal] = await Promise.all([createTestDatabase(), createTestNamespace()]);
  await database.db.insertInto('statuses').values(ROWS).execute();
  const { address, namespace } = temporal;
  const env = { NOTICE_SENDER: 'notices@example.com' };
  stack = await Stack.start({ databaseUrl: database.url, temporalAddress: address, namespace, env });
});
afterAll(async () => {
  await stack?.stop();
  await temporal?.drop();
  await database?.drop();
});

async function tells(id: string, event: string): Promise<void> {
  const body = mailgunBody(mailgunEvent({ id }, event), mailgunSignature({ key: SIGNING_KEY }));
  expect((await postMailgun(stack.webhooks, body)).status).toBe(200);
}

/** The workflow's result and its search attribute, once it has ended. */
async function endOf(id: string): Promise<{ end: unknown; attribute: unknown }> {
  const handle = temporal.client.workflow.getHandle(`email-${id}`);
  await until('the workflow has ended', async () => (await handle.describe()).status.name === 'COMPLETED');
  const { searchAttributes } = await handle.describe();
  return { end: await handle.result(), attribute: searchAttributes.EmailStatus };
}

async function tempost(...argv: string[]): Promise<Record<string, unknown>> {
  const out: string[] = [];
  const env = { TEMPOST_URL: stack.api, TEMPOST_API_KEY: stack.key };
  await runCli([...argv, '--json'], env, { out: (text) => out.push(text), error: (text) => out.push(text) });
  return JSON.parse(out.join('\n')) as Record<string, unknown>;
}

describe('the end of a workflow', { timeout: patient(120_000) }, () => {
  it('is the status that the record has then: a click that no open preceded, too', async () => {
    const id = await stack.submit();
    await stack.isDelivered(id);
    await tells(id, 'clicked');
    expect((await stack.email(id)).status).toBe('clicked');
    expect(await endOf(id)).toEqual({ end: 'clicked', attribute: undefined });
  });
});

describe('a status added by one row', { timeout: patient(120_000) }, () => {
  it('is reached by a webhook, ends the workflow, and is seen by API and command', async () => {
    const id = await stack.submit();
    await stack.isDelivered(id);
    await tells(id, 'replied');
    const { status, events } = await stack.email(id);
    expect(status).toBe('replied');
    expect(events.filter(({ type }) => type === 'replied')).toMatchObject([{ provider: 'mailgun' }]);
    expect(await endOf(id)).toEqual({ end: 'replied', attribute: undefined });
    expect(await tempost('email', id)).toMatchObject({ status: 'replied' });
    // Its rank and preference hold it: an open that comes late changes nothing, nor is it sent once more.
    await tells(id, 'opened');
    expect((await stack.email(id)).status).toBe('replied');
    expect((await stack.acceptance()).filter(({ email_id }) => email_id === id)).toHaveLength(1);
  });

  it('is a search attribute, is told to the sender and may be retried where its row says so', async () => {
    const id = await stack.submit();
    await stack.isDelivered(id);
    await tells(id, 'auto-replied');
    expect((await stack.email(id)).status).toBe('bad_reply');
    expect(await endOf(id)).toEqual({ end: 'bad_reply', attribute: ['bad_reply'] });
    const told = await database.db
      .selectFrom('emails')
      .select('content')
      .where('notice_for', '=', id)
      .executeTakeFirstOrThrow();
    expect(told.content).toContain('it has ended as "bad_reply"');
    const headers = { authorization: `Bearer ${stack.key}` };
    const retried = await fetch(`${stack.api}/api/email/${id}/retry`, { method: 'POST', headers });
    expect(retried.status).toBe(200);
    expect((await stack.isDelivered(id)).status).toBe('delivered');
  });

  it('may not be one that is sent again although it has arrived, nor an end that no workflow hears of', async () => {
    const row = { ...ROWS[0]!, name: 'wrong' };
    const insert = (change: object) =>
      database.db
        .insertInto('statuses')
        .values({ ...row, ...change })
        .execute();
    await expect(insert({ retryable: true })).rejects.toThrow('statuses_retryable');
    await expect(insert({ signal: null })).rejects.toThrow('statuses_signal');
    await expect(insert({ unheard: true })).rejects.toThrow('statuses_unheard');
  });
});
