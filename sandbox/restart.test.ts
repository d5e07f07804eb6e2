import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { patient } from '../test/support/patience.js';
import { startSandbox, withDefaults } from './server.js';
import { eventually, sendByMailgun, sendByMandrill, webhookReceiver } from './testing.js';

describe('restart', () => {
  let dir: string;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'tempost-sandbox-restart-'));
  });
  afterEach(() => rmSync(dir, { recursive: true, force: true }));

  const acceptanceLog = () =>
    readFileSync(join(dir, 'acceptance.jsonl'), 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as { email_id: string });

  /** What became of the webhooks of a message's events. */
  async function webhooksOf(sandbox: { readonly url: string }, emailId: string): Promise<string[]> {
    const answer = await fetch(`${sandbox.url}/sandbox/messages?email_id=${emailId}`);
    const [message] = (await answer.json()) as { events: { webhook: string }[] }[];
    return message!.events.map((event) => event.webhook);
  }

  it('webhooks that were not confirmed go on, the same event with the same token', async () => {
    let status = 503;
    const receiver = await webhookReceiver(() => status);
    const settings = { dir, mailgun: { webhookUrl: receiver.url }, timeScale: 1 / 60 };
    const before = await startSandbox(settings);
    await sendByMailgun(before, 'owed');
    await eventually(() => expect(receiver.told).toHaveLength(1));
    await before.stop();
    status = 200;
    const after = await startSandbox(settings);
    await eventually(() => expect(receiver.told).toHaveLength(2));
    expect(receiver.told[1]?.body).toBe(receiver.told[0]?.body);
    // Confirmed only when the answer has been read.
    await eventually(async () => expect(await webhooksOf(after, 'owed')).toEqual(['none', 'told']));
    await after.stop();
    const last = await startSandbox(settings);
    await sendByMailgun(last, 'new');
    await eventually(() => expect(receiver.told).toHaveLength(3));
    expect(receiver.mailgunEvents()[2]['user-variables'].email_id).toBe('new');
    await last.stop();
    await receiver.stop();
  });

  it('messages underway go on where they were', async () => {
    const before = await startSandbox({ dir, timeScale: 1 });
    await sendByMailgun(before, 'deferred', { to: 'defer@example.org' });
    await eventually(() => expect(before.happenings('deferred')).toEqual(['accepted', 'deferred']));
    await before.stop();
    const after = await startSandbox({ dir, timeScale: 1 / 1_000_000 });
    await eventually(() => expect(after.happenings('deferred')).toEqual(['accepted', 'deferred', 'delivered']));
    await after.stop();
  });

  it('look-ups, opens and the acceptance log know what was before', async () => {
    const before = await startSandbox({ dir });
    await sendByMandrill(before, 'old');
    await eventually(() => expect(before.happenings('old')).toContain('delivered'));
    const accepted = before.acceptance();
    await before.stop();
    const after = await startSandbox({ dir });
    expect(after.acceptance()).toEqual(accepted);
    after.happen('old', 'opened');
    expect(after.happenings('old')).toEqual(['accepted', 'delivered', 'opened']);
    await after.stop();
  });

  it('a journal line cut off by a crash is dropped, an acceptance line that is missing is added', async () => {
    const before = await startSandbox({ dir });
    await sendByMailgun(before, 'whole');
    await before.stop();
    appendFileSync(join(dir, 'journal.jsonl'), '{"kind":"message","mess');
    writeFileSync(join(dir, 'acceptance.jsonl'), '');
    const after = await startSandbox({ dir });
    expect(after.acceptance().map((line) => line.email_id)).toEqual(['whole']);
    expect(acceptanceLog().map((line) => line.email_id)).toEqual(['whole']);
    await sendByMailgun(after, 'next');
    await after.stop();
    expect(acceptanceLog().map((line) => line.email_id)).toEqual(['whole', 'next']);
  });

  it('DELETE /sandbox forgets everything', async () => {
    const sandbox = await startSandbox({ dir });
    await sendByMailgun(sandbox, 'gone');
    sandbox.setFaults({ mailgun: { down: true } });
    expect((await fetch(`${sandbox.url}/sandbox`, { method: 'DELETE' })).status).toBe(204);
    expect([sandbox.acceptance(), acceptanceLog()]).toEqual([[], []]);
    await sendByMailgun(sandbox, 'fresh');
    expect(acceptanceLog().map((line) => line.email_id)).toEqual(['fresh']);
    await sandbox.stop();
  });

  it('an inbox that was killed while it wrote a mail has that mail once, whole', async () => {
    const before = await startSandbox({ dir, inbox: true });
    await sendByMailgun(before, 'whole');
    await sendByMailgun(before, 'half');
    const inbox = join(dir, 'inbox');
    const mails = () => readdirSync(inbox).filter((name) => name.endsWith('.eml'));
    await eventually(() => expect(readdirSync(join(dir, 'outgoing'))).toEqual([]));
    await before.stop();
    // As a kill leaves it: the one mail is not confirmed and cut off, of another there is not even a Message-ID.
    const half = mails().find((name) => readFileSync(join(inbox, name), 'utf8').includes('<half.1@'))!;
    const raw = readFileSync(join(inbox, half), 'utf8');
    const message = JSON.parse(
      readFileSync(join(dir, 'journal.jsonl'), 'utf8')
        .split('\n')
        .find((line) => line.includes('<half.1@'))!,
    ).message as { id: string };
    const journal = readFileSync(join(dir, 'journal.jsonl'), 'utf8').split('\n');
    const isDelivery = (line: string) => line.includes(message.id) && line.includes('"delivered"');
    writeFileSync(join(dir, 'journal.jsonl'), journal.filter((line) => !isDelivery(line)).join('\n'));
    writeFileSync(join(dir, 'outgoing', `${message.id}.eml`), raw);
    writeFileSync(join(inbox, half), raw.slice(0, raw.length / 2));
    writeFileSync(join(inbox, 'begun.eml'), 'Received: from [127.0.0.1]');

    const after = await startSandbox({ dir, inbox: true });
    await eventually(() => expect(readdirSync(join(dir, 'outgoing'))).toEqual([]));
    const list = (await (await fetch(`${after.inboxUrl}/api/email`)).json()) as { headers: Record<string, string> }[];
    const ids = list.map((mail) => mail.headers['message-id']).sort();
    expect(ids).toEqual(['<half.1@mg.example.com>', '<whole.1@mg.example.com>']);
    expect(mails()).toHaveLength(2);
    await after.stop();
  });

  describe('as a process', () => {
    let child: ChildProcess | undefined;
    const options = withDefaults({ dir: 'unused' });
    afterEach(() => child?.kill('SIGKILL'));

    /** The sandbox as `npm run sandbox` starts it, on ports of its own. */
    const launch = async () => {
      const tsx = import.meta.resolve('tsx');
      child = spawn(process.execPath, ['--import', tsx, join(import.meta.dirname, 'main.ts')], {
        env: {
          PATH: process.env.PATH,
          SANDBOX_DIR: dir,
          SANDBOX_PORT: '0',
          INBOX_PORT: '0',
          INBOX_SMTP_PORT: '0',
          MAILGUN_API_KEY: options.mailgun.apiKey,
          MAILGUN_DOMAIN: options.mailgun.domain,
          MAILGUN_WEBHOOK_SIGNING_KEY: 'key',
          MANDRILL_API_KEY: 'key',
          MANDRILL_WEBHOOK_KEY: 'key',
        },
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      let output = '';
      child.stdout?.on('data', (chunk) => {
        output += chunk;
      });
      const started = /sandbox: (\S+)\/sandbox, inbox (\S+)\n/;
      await eventually(() => expect(output).toMatch(started));
      const [, url = '', inboxUrl = ''] = started.exec(output) ?? [];
      return { process: child, url, inboxUrl, options };
    };

    it(
      'SIGKILL loses nothing that was answered, and the inbox gets every mail; SIGTERM ends it with 0',
      async () => {
        const first = await launch();
        const emailIds = Array.from({ length: 60 }, (_, index) => `email-${index}`);
        const attachment = { data: Buffer.alloc(200_000, 1), filename: 'a.bin' };
        const answered: string[] = [];
        const sends = emailIds.map((emailId) =>
          sendByMailgun(first, emailId, { attachment }).then(
            () => answered.push(emailId),
            () => undefined,
          ),
        );
        await eventually(() => expect(answered.length).toBeGreaterThan(20));
        const gone = once(first.process, 'exit');
        first.process.kill('SIGKILL');
        await gone;
        await Promise.all(sends);

        const second = await launch();
        const accepted = acceptanceLog().map((line) => line.email_id);
        expect(accepted).toEqual([...new Set(accepted)]);
        expect(accepted).toEqual(expect.arrayContaining(answered));
        await eventually(() => expect(readdirSync(join(dir, 'outgoing'))).toEqual([]));
        const list = await fetch(`${second.inboxUrl}/api/email`);
        const mails = (await list.json()) as { headers: Record<string, string> }[];
        const inInbox = new Set(mails.map((mail) => mail.headers['message-id']));
        expect(inInbox).toEqual(new Set(accepted.map((emailId) => `<${emailId}.1@mg.example.com>`)));

        const ended = once(second.process, 'exit');
        second.process.kill('SIGTERM');
        expect(await ended).toEqual([0, null]);
      },
      patient(60_000),
    );
  });
});
