import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Sandbox, startSandbox } from '../server.js';
import { eventually, sendByMailgun, sendByMandrill, webhookReceiver } from '../testing.js';

interface Mail {
  readonly id: string;
  readonly subject: string;
  readonly html: string;
  readonly text: string;
  readonly headers: Record<string, string>;
  readonly attachments?: { filename: string; generatedFileName: string }[];
}

describe('inbox', () => {
  let sandbox: Sandbox;
  let receiver: Awaited<ReturnType<typeof webhookReceiver>>;
  beforeAll(async () => {
    receiver = await webhookReceiver();
    const webhookUrl = receiver.url;
    sandbox = await startSandbox({
      inbox: true,
      timeScale: 1 / 1000,
      mailgun: { webhookUrl },
      mandrill: { webhookUrl },
    });
  });
  afterAll(async () => {
    await sandbox.stop();
    await receiver.stop();
  });

  const mailsOf = async (emailId: string) => {
    const mails = (await (await fetch(`${sandbox.inboxUrl}/api/email`)).json()) as Mail[];
    return mails.filter((mail) => mail.headers['message-id'] === `<${emailId}.1@mg.example.com>`);
  };
  const delivered = (emailId: string) => eventually(() => expect(sandbox.happenings(emailId)).toContain('delivered'));

  it.each(['mailgun', 'mandrill'])('%s: the mail arrives once, with the same bytes attached', async (provider) => {
    const bytes = Buffer.from(Array.from({ length: 5000 }, (_, index) => index % 256));
    const more =
      provider === 'mailgun'
        ? { attachment: { data: bytes, filename: 'ä b.bin', contentType: 'application/x-test' }, 'h:X-Note': 'kept' }
        : {
            attachments: [{ name: 'ä b.bin', type: 'application/x-test', content: bytes.toString('base64') }],
            headers: { 'Message-ID': '<attached-mandrill.1@mg.example.com>', 'X-Note': 'kept' },
          };
    await (provider === 'mailgun' ? sendByMailgun : sendByMandrill)(sandbox, `attached-${provider}`, more);
    await delivered(`attached-${provider}`);
    const mails = await mailsOf(`attached-${provider}`);
    expect(mails).toMatchObject([
      {
        subject: 'Your order',
        text: 'Thank you',
        headers: { 'x-note': 'kept' },
        attachments: [{ filename: 'ä b.bin' }],
      },
    ]);
    const name = mails[0]?.attachments?.[0]?.generatedFileName;
    const file = await fetch(`${sandbox.inboxUrl}/api/email/${mails[0]?.id}/attachment/${name}`);
    const sha256 = createHash('sha256')
      .update(Buffer.from(await file.arrayBuffer()))
      .digest('hex');
    expect(sha256).toBe(createHash('sha256').update(bytes).digest('hex'));
    expect(sandbox.acceptance(`attached-${provider}`)[0]?.attachment_sha256).toEqual([sha256]);
  });

  it('what bounces does not arrive', async () => {
    await sendByMailgun(sandbox, 'bounced', { to: 'hard-bounce@example.org' });
    await eventually(() => expect(sandbox.happenings('bounced')).toEqual(['accepted', 'hard_bounce']));
    expect(await mailsOf('bounced')).toEqual([]);
  });

  it('loading the pixel of a tracked mail posts "opened"', async () => {
    await sendByMailgun(sandbox, 'tracked', { 'o:tracking-opens': 'yes' });
    await delivered('tracked');
    const pixel = /<img src="([^"]+\.gif)"/.exec((await mailsOf('tracked'))[0]?.html ?? '')?.[1] ?? '';
    const answer = await fetch(pixel);
    expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'image/gif']);
    await eventually(() => {
      const events = receiver.told.filter(({ body }) => body.startsWith('{')).map(({ body }) => JSON.parse(body));
      const opened = events.map((told) => told['event-data']).filter(({ event }) => event === 'opened');
      expect(opened).toMatchObject([{ 'user-variables': { email_id: 'tracked' } }]);
    });
  });

  it('an untracked mail has no pixel', async () => {
    await sendByMandrill(sandbox, 'untracked', { track_opens: false });
    await delivered('untracked');
    expect((await mailsOf('untracked'))[0]?.html).not.toContain('<img');
  });

  it.each([
    ['open', 'open'],
    ['click', 'click'],
    ['complain', 'spam'],
    ['bounce', 'hard_bounce'],
    ['unsubscribe', 'unsub'],
  ])('POST /sandbox/messages/{email_id}/%s posts "%s"', async (act, event) => {
    await sendByMandrill(sandbox, `by-${act}`);
    await delivered(`by-${act}`);
    expect((await fetch(`${sandbox.url}/sandbox/messages/by-${act}/${act}`, { method: 'POST' })).status).toBe(200);
    await eventually(() => {
      const batches = receiver.told.filter(({ body }) => body.startsWith('mandrill_events'));
      const events = batches.flatMap(({ body }) => JSON.parse(new URLSearchParams(body).get('mandrill_events') ?? ''));
      const ours = events.filter(({ msg }) => msg.metadata.email_id === `by-${act}`).map((told) => told.event);
      expect(ours).toEqual(['send', 'delivered', event]);
    });
  });

  it('404 for an act or an e-mail that is not known', async () => {
    const post = (path: string) => fetch(`${sandbox.url}/sandbox/messages/${path}`, { method: 'POST' });
    expect((await post('never/open')).status).toBe(404);
    expect((await post('tracked/constructor')).status).toBe(404);
  });

  it('explains itself, and is healthy', async () => {
    sandbox.setFaults({ mailgun: { down: true } });
    const page = await (await fetch(`${sandbox.url}/sandbox`)).text();
    sandbox.setFaults({});
    for (const text of ['hard-bounce@', '/sandbox/faults', '"down": true', sandbox.inboxUrl])
      expect(page).toContain(text);
    expect(await (await fetch(`${sandbox.url}/healthz`)).json()).toEqual({ status: 'ok' });
  });

  it('takes no signal from its host process and leaves no listener on it', () => {
    expect([process.listenerCount('SIGINT'), process.listenerCount('SIGTERM')]).toEqual([0, 0]);
  });
});
