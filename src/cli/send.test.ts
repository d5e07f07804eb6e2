import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildIfStale, dist } from '../../scripts/dist.mjs';
import { startTestApi, type TestApi } from '../../test/support/api.js';

let api: TestApi;
let folder: string;

beforeAll(async () => {
  expect(buildIfStale()).toBe(true);
  folder = mkdtempSync(join(tmpdir(), 'tempost-send-'));
  api = await startTestApi();
});
afterAll(async () => {
  await api?.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** The command itself, as a process of its own. */
async function tempost(argv: readonly string[], input = '') {
  const child = spawn(process.execPath, [join(dist, 'src/cli/main.js'), ...argv], {
    cwd: folder,
    env: { PATH: process.env.PATH, TEMPOST_URL: api.url, TEMPOST_API_KEY: api.client.key },
  });
  const closed = new Promise<number | null>((resolve) => child.on('close', resolve));
  child.stdin.end(input);
  const [out, error, code] = await Promise.all([text(child.stdout), text(child.stderr), closed]);
  return { code, out: out.trimEnd(), error: error.trimEnd() };
}

const WHO = ['--sender', 'shop@example.com', '--receiver', 'ada@example.org', '--subject', 'Your order'];
const submit = async (...argv: string[]) =>
  (JSON.parse((await tempost(['send', ...WHO, '--text', 'It is sent.', ...argv, '--json'])).out) as { id: string }).id;

const rowOf = (id: string) => api.db.selectFrom('emails').selectAll().where('id', '=', id).executeTakeFirstOrThrow();

async function note(emailId: string, type: string): Promise<void> {
  const at = new Date();
  await api.db
    .insertInto('email_events')
    .values({ email_id: emailId, event_key: type, type, generation: 1, occurred_at: at, metadata: {} } as never)
    .execute();
  await api.db.updateTable('emails').set({ status: type }).where('id', '=', emailId).execute();
}

describe('tempost send', () => {
  it('submits every field, with a file', async () => {
    writeFileSync(join(folder, 'order.txt'), 'One teapot.');
    writeFileSync(join(folder, 'mail.html'), '<p>It is on its way.</p>');
    const id = await submit(
      ...['--html', '@mail.html', '--priority', 'low', '--reply-to', 'help@example.com', '--tag', 'order, shipping'],
      ...[
        '--metadata',
        '{"order":4711}',
        '--metadata',
        'shop=tea = best',
        '--headers',
        '{"X-Shop":"tea"}',
        '--track-opens',
        'off',
      ],
      ...['--attachment', 'order.txt', '--send-at', new Date(Date.now() + 3_600_000).toISOString()],
    );
    const email = (await (await api.get(`/api/email/${id}`)).json()) as object;
    expect(email).toMatchObject({
      status: 'scheduled',
      priority: 'low',
      tags: ['order', 'shipping'],
      metadata: { order: 4711, shop: 'tea = best' },
      headers: { 'X-Shop': 'tea' },
      track_opens: false,
      attachment: { filename: 'order.txt', size: 11 },
    });
    expect(JSON.stringify(await rowOf(id))).toContain('<p>It is on its way.</p>');
  });

  it('reads the text from the standard input', async () => {
    const { code, out } = await tempost(['send', ...WHO], 'Piped.\n');
    expect(code).toBe(0);
    const id = /^id +(\S+)$/m.exec(out)![1]!;
    expect(JSON.stringify(await rowOf(id))).toContain('Piped.');
  });

  it('makes one e-mail of two with the same key', async () => {
    expect(await submit('--idempotency-key', 'once')).toBe(await submit('--idempotency-key', 'once'));
  });

  it('says every fault that the api finds, and sends nothing that it cannot read', async () => {
    const refused = await tempost(['send', ...WHO, '--receiver', 'nobody', '--priority', 'urgent', '--text', 'x']);
    expect(refused).toMatchObject({ code: 1, error: expect.stringContaining('422 invalid_fields') });
    for (const field of ['receiver', 'priority']) expect(refused.error).toContain(`\n  ${field}: `);
    const wrong = [
      ['--metadata', '{'],
      ['--metadata', 'order'],
      ['--headers', '[]'],
      ['--attachment', 'nothing.txt'],
      ['--track-opens', 'maybe'],
      ['--text', ''],
    ];
    for (const argv of wrong)
      expect([argv, (await tempost(['send', ...WHO, ...argv])).code]).toEqual([argv, argv[1] === '' ? 1 : 2]);
    expect(await tempost(['send', ...WHO])).toMatchObject({
      code: 2,
      error: expect.stringContaining('standard input'),
    });
    expect(await tempost(['send', '--text', 'x'])).toMatchObject({ code: 2, error: '--sender is missing.' });
  });
});

describe('tempost email --follow', () => {
  it('tells each event once, as it comes, until the end', async () => {
    const id = await submit();
    const followed = tempost(['email', id, '--follow']);
    await note(id, 'sent');
    await note(id, 'delivered');
    const { code, out } = await followed;
    expect(code).toBe(0);
    for (const type of ['queued', 'sent', 'delivered']) {
      expect(out.split('\n').filter((line) => new RegExp(`s  ${type}$`).test(line))).toHaveLength(1);
    }
    expect(out).toMatch(/status: delivered$/);
  });

  it('ends with a state that is waited for, and says by its exit code when that cannot come', async () => {
    const id = await submit();
    await note(id, 'sent');
    const { code, out } = await tempost(['email', id, '--follow', '--until', 'sent', '--json']);
    expect(code).toBe(0);
    expect(out.split('\n').map((line) => JSON.parse(line).status)).toEqual(['sent']);
    await note(id, 'bounced');
    expect(await tempost(['email', id, '--follow'])).toMatchObject({ code: 4, error: 'The e-mail is bounced.' });
    expect(await tempost(['email', id, '--follow', '--until', 'delivered'])).toMatchObject({ code: 4 });
    expect(await tempost(['email', id, '--until', 'sent'])).toMatchObject({ code: 2 });
  });

  it('has no control sequence in what it prints: no colours, wherever it prints', async () => {
    const { out } = await tempost(['email', await submit()]);
    expect(out).not.toContain('\u001b');
  });
});
