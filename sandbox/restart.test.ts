import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { startSandbox } from './server.js';
import { sendByMailgun, sendByMandrill, webhookReceiver } from './testing.js';

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

  it('webhooks that were not confirmed go on, the same event with the same token', async () => {
    let status = 503;
    const receiver = await webhookReceiver(() => status);
    const settings = { dir, mailgun: { webhookUrl: receiver.url }, timeScale: 1 / 60 };
    const before = await startSandbox(settings);
    await sendByMailgun(before, 'owed');
    await vi.waitFor(() => expect(receiver.told).toHaveLength(1));
    await before.stop();
    status = 200;
    const after = await startSandbox(settings);
    await vi.waitFor(() => expect(receiver.told).toHaveLength(2));
    expect(receiver.told[1]?.body).toBe(receiver.told[0]?.body);
    await after.stop();
    const last = await startSandbox(settings);
    await sendByMailgun(last, 'new');
    await vi.waitFor(() => expect(receiver.told).toHaveLength(3));
    expect(receiver.mailgunEvents()[2]['user-variables'].email_id).toBe('new');
    await last.stop();
    await receiver.stop();
  });

  it('messages underway go on where they were', async () => {
    const before = await startSandbox({ dir, timeScale: 1 });
    await sendByMailgun(before, 'deferred', { to: 'defer@example.org' });
    await vi.waitFor(() => expect(before.happenings('deferred')).toEqual(['accepted', 'deferred']));
    await before.stop();
    const after = await startSandbox({ dir, timeScale: 1 / 1_000_000 });
    await vi.waitFor(() => expect(after.happenings('deferred')).toEqual(['accepted', 'deferred', 'delivered']));
    await after.stop();
  });

  it('look-ups, opens and the acceptance log know what was before', async () => {
    const before = await startSandbox({ dir });
    await sendByMandrill(before, 'old');
    await vi.waitFor(() => expect(before.happenings('old')).toContain('delivered'));
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

  describe('as a process', () => {
    let child: ChildProcess | undefined;
    afterEach(() => child?.kill('SIGKILL'));

    /** The sandbox as `npm run sandbox` starts it, on ports of its own. */
    const launch = async (ports: { api: number; web: number; smtp: number }) => {
      const tsx = import.meta.resolve('tsx');
      child = spawn(process.execPath, ['--import', tsx, join(import.meta.dirname, 'main.ts')], {
        env: {
          PATH: process.env.PATH,
          SANDBOX_DIR: dir,
          SANDBOX_PORT: String(ports.api),
          INBOX_PORT: String(ports.web),
          INBOX_SMTP_PORT: String(ports.smtp),
          MAILGUN_API_KEY: 'sandbox-mailgun-key',
          MAILGUN_DOMAIN: 'mg.example.com',
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
      await vi.waitFor(() => expect(output).toContain('/sandbox'), 20_000);
      return child;
    };

    it('SIGKILL loses nothing that was answered, and the inbox gets every mail; SIGTERM ends it with 0', async () => {
      // A sandbox that is started and stopped finds three free ports and names the rest of the settings.
      const scout = await startSandbox({ inbox: true });
      const ports = {
        api: Number(new URL(scout.url).port),
        web: Number(new URL(scout.inboxUrl ?? '').port),
        smtp: scout.inboxSmtpPort ?? 0,
      };
      await scout.stop();
      const first = await launch(ports);
      const emailIds = Array.from({ length: 60 }, (_, index) => `email-${index}`);
      const attachment = { data: Buffer.alloc(200_000, 1), filename: 'a.bin' };
      const answered: string[] = [];
      const sends = emailIds.map((emailId) =>
        sendByMailgun(scout, emailId, { attachment }).then(
          () => answered.push(emailId),
          () => undefined,
        ),
      );
      await vi.waitFor(() => expect(answered.length).toBeGreaterThan(20), 20_000);
      const gone = once(first, 'exit');
      first.kill('SIGKILL');
      await gone;
      await Promise.all(sends);

      const second = await launch(ports);
      const accepted = acceptanceLog().map((line) => line.email_id);
      expect(accepted).toEqual([...new Set(accepted)]);
      expect(accepted).toEqual(expect.arrayContaining(answered));
      await vi.waitFor(() => expect(readdirSync(join(dir, 'outgoing'))).toEqual([]), 20_000);
      const list = await fetch(`http://127.0.0.1:${ports.web}/api/email`);
      const mails = (await list.json()) as { headers: Record<string, string> }[];
      const inInbox = new Set(mails.map((mail) => mail.headers['message-id']));
      expect(inInbox).toEqual(new Set(accepted.map((emailId) => `<${emailId}.1@mg.example.com>`)));

      const ended = once(second, 'exit');
      second.kill('SIGTERM');
      expect(await ended).toEqual([0, null]);
    }, 60_000);
  });
});
