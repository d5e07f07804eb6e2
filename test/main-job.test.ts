import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TestDatabase } from './support/database.js';
import { readableText, showWorkflow, withoutLostTasks } from './support/history.js';
import { patient } from './support/patience.js';
import { type Stack, sha256 } from './support/stack.js';
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
  });
  // The breaker has tests of its own: what one test broke must not send the next one's e-mails elsewhere.
  await system.database.db.updateTable('provider_controls').set({ forced: 'closed' }).execute();
  ({ database, temporal, stack } = system);
});
afterAll(() => system?.drop());

interface InboxMail {
  readonly id: string;
  readonly subject: string;
  readonly html: string;
  readonly attachments?: { generatedFileName: string; fileName?: string }[];
}

const mails = async (subject: string) =>
  ((await (await fetch(`${stack.inbox}/api/email`)).json()) as InboxMail[]).filter((mail) => mail.subject === subject);
const workflowOf = (id: string) => temporal.client.workflow.getHandle(`email-${id}`);
const isCompleted = async (id: string) => (await workflowOf(id).describe()).status.name === 'COMPLETED';
const loadPixel = (id: string) => fetch(`${stack.webhooks}/api/email/${id}/open`);

describe('an e-mail with an attachment', () => {
  const subject = `Your invoice ${randomBytes(4).toString('hex')}`;
  const bytes = randomBytes(300_000);
  let id: string;

  it('is accepted at once and delivered', async () => {
    const response = await stack.post({ subject, attachment: { filename: 'invoice.pdf', bytes } });
    expect(response.status).toBe(200);
    id = ((await response.json()) as { id: string }).id;
    await stack.reaches(id, ['delivered']);
  });

  it('is in the inbox once, with the same bytes', async () => {
    await until('the inbox holds it', async () => (await mails(subject)).length > 0);
    const [mail, ...others] = await mails(subject);
    expect(others).toEqual([]);
    const name = mail!.attachments![0]!.generatedFileName;
    const file = await fetch(`${stack.inbox}/api/email/${mail!.id}/attachment/${encodeURIComponent(name)}`);
    expect(sha256(new Uint8Array(await file.arrayBuffer()))).toBe(sha256(bytes));
  });

  it('is kept in object storage, and leaves the spool', async () => {
    await until('it is stored', async () => (await stack.email(id)).attachment!.storage_path !== null);
    expect((await stack.email(id)).attachment!.sha256).toBe(sha256(bytes));
    const chunks = await database.db.selectFrom('attachment_chunks').select('seq').where('email_id', '=', id).execute();
    expect(chunks).toEqual([]);
  });

  it('becomes opened when the pixel in it is loaded, and its workflow completes', async () => {
    const [mail] = await mails(subject);
    const pixel = /http:\/\/127\.0\.0\.1:\d+\/api\/email\/[0-9a-f-]+\/open/.exec(mail!.html)![0];
    const image = await fetch(pixel);
    expect([image.status, image.headers.get('content-type')]).toEqual([200, 'image/gif']);
    await stack.reaches(id, ['opened']);
    await until('its workflow is completed', () => isCompleted(id));
    expect(await workflowOf(id).result()).toBe('opened');
  });

  it('costs at most 30 history events, both signals included', async () => {
    const { events } = await showWorkflow(temporal, `email-${id}`);
    expect(events.filter((event) => event.eventType.endsWith('SIGNALED'))).toHaveLength(2);
    expect(withoutLostTasks(events).length).toBeLessThanOrEqual(30);
  });

  it('tells its whole story by the API', async () => {
    const view = await stack.email(id);
    expect(view.events.map((event) => event.type)).toEqual(
      expect.arrayContaining(['queued', 'sending', 'sent', 'delivered', 'opened']),
    );
    expect(view.attempts).toMatchObject([{ provider: 'mailgun', state: 'accepted' }]);
  });
});

describe('an e-mail without an attachment', () => {
  it('costs at most 24 history events, both signals included', async () => {
    const id = await stack.submit();
    await stack.reaches(id, ['delivered']);
    await loadPixel(id);
    await until('its workflow is completed', () => isCompleted(id));
    const { events } = await showWorkflow(temporal, `email-${id}`);
    expect(events.filter((event) => event.eventType.endsWith('SIGNALED'))).toHaveLength(2);
    expect(withoutLostTasks(events).length).toBeLessThanOrEqual(24);
  });

  it('is sent when its time has come, not before', async () => {
    const sendAt = new Date(Date.now() + patient(2_000));
    const id = await stack.submit({ send_at: sendAt.toISOString() });
    expect((await stack.email(id)).status).toBe('scheduled');
    const view = await stack.isDelivered(id);
    expect(new Date(view.sent_at!).getTime()).toBeGreaterThanOrEqual(sendAt.getTime());
    expect(view.events.map((event) => event.type)).toEqual(expect.arrayContaining(['scheduled', 'queued', 'sent']));
  });
});

describe('an e-mail that is delivered before its provider has answered the call', () => {
  it('is delivered at once, and sent as well when the answer is there', async () => {
    await stack.setFaults({ pausePoint: 'after_taking_before_answer', pauseTimes: 1 });
    const id = await stack.submit();
    const early = await stack.reaches(id, ['delivered']);
    expect(early.events.map((event) => event.type)).not.toContain('sent');
    await stack.setFaults({});
    await fetch(`${stack.sandbox}/sandbox/release`, { method: 'POST' });
    const view = await stack.isDelivered(id);
    expect(view.attempts).toMatchObject([{ provider: 'mailgun', state: 'accepted' }]);
  });
});

describe('when Mailgun answers 503 before taking the message', () => {
  it('the e-mail arrives by Mandrill, and the history shows both tries', async () => {
    await stack.setFaults({ mailgun: { down: true } });
    const id = await stack.submit({ priority: 'critical' });
    const view = await stack.isDelivered(id);
    await stack.setFaults({});
    expect(view.provider).toBe('mandrill');
    expect(view.attempts).toMatchObject([
      { provider: 'mailgun', state: 'refused', code: 'http_503' },
      { provider: 'mandrill', state: 'accepted' },
    ]);
    const { events } = await showWorkflow(temporal, `email-${id}`);
    const tries = events.filter((event) => event.activityTaskScheduledEventAttributes?.activityType.name === 'send');
    expect(tries).toHaveLength(2);
    const calls = (await stack.acceptance()).filter((call) => call.email_id === id);
    expect(calls).toMatchObject([{ provider: 'mandrill' }]);
  });

  it('and Mandrill is down as well, the e-mail backs off and is sent when one is back', async () => {
    await stack.setFaults({ mailgun: { down: true }, mandrill: { down: true } });
    const id = await stack.submit();
    await stack.reaches(id, ['retrying']);
    await stack.setFaults({});
    const view = await stack.isDelivered(id);
    expect(view.attempts.filter((attempt) => attempt.state === 'accepted')).toHaveLength(1);
  });
});

describe('a refusal for good', () => {
  it('ends the e-mail as failed after one call', async () => {
    const id = await stack.submit({ receiver: 'reject@example.org' });
    const view = await stack.reaches(id, ['failed']);
    expect(view.attempts).toMatchObject([{ provider: 'mailgun', state: 'rejected' }]);
    await until('its workflow is completed', () => isCompleted(id));
  });

  it('by the receiving server ends it as bounced, and its address is not written to again', async () => {
    const id = await stack.submit({ receiver: 'hard-bounce@example.org' });
    await stack.reaches(id, ['bounced']);
    const again = await stack.submit({ receiver: 'Hard-Bounce@example.org' });
    expect((await stack.reaches(again, ['suppressed'])).attempts).toEqual([]);
  });
});

describe('workflow history', () => {
  const secrets = {
    sender: 'private-sender@example.com',
    subject: 'PrivateSubject',
    content: 'PrivateContent',
    attachment: { filename: 'PrivateFilename.pdf', bytes: Buffer.from('PrivateBytes') },
  };
  const words = [
    'private-sender',
    'example.org',
    'PrivateSubject',
    'PrivateContent',
    'PrivateFilename',
    'PrivateBytes',
  ];

  const expectNothingPrivate = async (id: string) => {
    await until('its workflow has come to its wait or end', async () => {
      const { events } = await showWorkflow(temporal, `email-${id}`);
      return events.length > 10;
    });
    const text = readableText((await showWorkflow(temporal, `email-${id}`)).json);
    expect(text).toContain(id);
    for (const word of words) expect(text).not.toContain(word);
  };

  it('holds no address, subject, content or filename of a delivered e-mail', async () => {
    const id = await stack.submit({ ...secrets, receiver: 'private@example.org' });
    await stack.reaches(id, ['delivered']);
    await expectNothingPrivate(id);
  });

  it('nor of a rejected one', async () => {
    const id = await stack.submit({ ...secrets, receiver: 'reject@example.org' });
    await stack.reaches(id, ['failed']);
    await expectNothingPrivate(id);
  });

  it('nor of one that was failed over', async () => {
    await stack.setFaults({ mailgun: { down: true } });
    const id = await stack.submit({ ...secrets, receiver: 'private@example.org' });
    await stack.reaches(id, ['delivered']);
    await stack.setFaults({});
    await expectNothingPrivate(id);
  });
});
