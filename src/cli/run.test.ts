import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestApi, type TestApi } from '../../test/support/api.js';
import { commandLine } from '../../test/support/cli.js';
import { insertClient } from '../../test/support/database.js';
import { insertQueuedEmail } from '../../test/support/emails.js';
import { freePort } from '../../test/support/ports.js';
import { readProviders } from '../domain/provider-health/switches.js';
import { noteForeignPause, readQueueControls } from '../domain/queue/pauses.js';

let api: TestApi;
let operator: string;
let clientId: string;

beforeAll(async () => {
  api = await startTestApi();
  ({ key: operator, id: clientId } = await insertClient(api.db, { operator: true }));
});
afterAll(() => api.stop());

const tempost = commandLine(() => ({ TEMPOST_URL: api.url, TEMPOST_API_KEY: operator }));
const paused = async () =>
  (await readQueueControls(api.db)).filter(({ pausedAt }) => pausedAt).map(({ priority }) => priority);
const kill = async (id: string) => {
  await api.db.deleteFrom('email_queue').where('email_id', '=', id).execute();
  await api.db.updateTable('emails').set({ status: 'dead' }).where('id', '=', id).execute();
  const letter = {
    email_id: id,
    generation: 1,
    reason: 'lifetime_over',
    client_id: clientId,
    priority: 'low',
  } as const;
  await api.db.insertInto('dead_emails').values(letter).execute();
  return id;
};
const deadEmail = async () => kill(await insertQueuedEmail(api.db, { clientId, priority: 'low' }));

describe('tempost pause and resume', () => {
  it('stop and start what is named, or everything when that is said', async () => {
    expect((await tempost("pause low --reason 'wrong template'")).out).toMatch(
      /low .* paused by \S+ for \d+ s: wrong template/,
    );
    expect(await paused()).toEqual(['low']);
    expect(await tempost('pause all --reason x')).toMatchObject({ code: 0 });
    expect(await paused()).toEqual(['critical', 'medium', 'low']);
    expect((await tempost('resume critical')).code).toBe(0);
    expect(await paused()).toEqual(['medium', 'low']);
    expect((await tempost('resume all')).code).toBe(0);
    expect(await paused()).toEqual([]);
  });

  it('touch nothing when nothing is named', async () => {
    const names = expect.stringMatching(/critical, medium, low or all/);
    expect(await tempost('pause --reason x')).toMatchObject({ code: 2, error: names });
    expect(await paused()).toEqual([]);
    await tempost('pause low --reason x');
    expect(await tempost('resume')).toMatchObject({ code: 2, error: names });
    expect(await tempost('pause everything --reason x')).toMatchObject({ code: 2, error: names });
    expect(await paused()).toEqual(['low']);
    await tempost('resume low');
  });

  it('tell how to lift a pause that was made in Temporal', async () => {
    await noteForeignPause(api.db, 'medium', { reason: 'maintenance', since: null });
    const { out } = await tempost('resume medium');
    await noteForeignPause(api.db, 'medium', null);
    expect(out).toContain('medium was paused in Temporal itself');
    expect(out).toMatch(/paused in Temporal for \d+ s: maintenance/);
    expect(out).toMatch(
      /--address \S+:\d+ --task-queue send-medium --task-queue-type activity --queue-rps-limit default$/m,
    );
  });
});

describe('tempost status', () => {
  it('shows queues, providers and leftovers, or all of it as JSON', async () => {
    const { out, code } = await tempost('status');
    expect(code).toBe(0);
    for (const word of ['critical', 'mailgun', 'dead letters', 'sending']) expect(out).toContain(word);
    const { queues, providers } = JSON.parse((await tempost('--json status')).out);
    expect([queues.length, providers.length]).toEqual([3, 3]);
  });

  it('says of a queue why nothing is sent: never "sending" while every provider is off', async () => {
    const states = async () => {
      const table = (await tempost('status')).out.split('\n\n')[0]!;
      return table.match(/paused by .*|no provider takes mail now|sending/g);
    };
    expect(await states()).toEqual(['sending', 'sending', 'sending']);
    const { queues } = JSON.parse((await tempost('--json status')).out);
    const admitting: string[] = queues[0].admitting_providers;
    for (const name of admitting) await tempost(`provider ${name} open --reason maintenance`);
    expect(await states()).toEqual(Array(3).fill('no provider takes mail now'));
    await tempost('pause low --reason holiday');
    expect((await states())![2]).toMatch(/^paused by \S+ for .*: holiday$/);
    await tempost('resume low');
    await tempost(`provider ${admitting[0]} auto --reason over`);
    expect(await states()).toEqual(['sending', 'sending', 'sending']);
    for (const name of admitting.slice(1)) await tempost(`provider ${name} auto --reason over`);
  });
});

describe('tempost provider', () => {
  const mailgun = async () => (await readProviders(api.db, []))[0]!;

  it.each([
    ['disable', { enabled: false }],
    ['enable', { enabled: true }],
    ['open', { forced: 'open' }],
    ['close', { forced: 'closed' }],
    ['auto', { forced: null }],
    ['rate 12.5', { rate_per_s: 12.5 }],
    ['rate none', { rate_per_s: null }],
    ['per-day 1000', { per_day: 1_000 }],
    ['per-day none', { per_day: null }],
  ])('%s', async (action, expected) => {
    expect(await tempost(`provider mailgun ${action} --reason test`)).toMatchObject({ code: 0, error: '' });
    expect(await mailgun()).toMatchObject({ ...expected, reason: 'test' });
  });

  it('says what it does not understand, and what the API refuses', async () => {
    expect(await tempost('provider mailgun explode --reason x')).toMatchObject({ code: 2 });
    expect(await tempost('provider mailgun rate fast --reason x')).toMatchObject({ code: 2 });
    expect(await tempost('provider mailgun open')).toMatchObject({ code: 2, error: '--reason is missing.' });
    const refused = await tempost('provider pigeon open --reason x');
    expect(refused).toMatchObject({ code: 1, error: expect.stringContaining('404 provider_not_found') });
  });
});

describe('one e-mail', () => {
  it('is shown with its timeline', async () => {
    const id = await insertQueuedEmail(api.db, { clientId });
    const { out } = await tempost(`email ${id}`);
    expect(out).toMatch(/status +queued/);
    expect(out).toMatch(/\+\d+\.\d s +queued/);
    expect(JSON.parse((await tempost(`email ${id} --json`)).out)).toMatchObject({ id, status: 'queued' });
  });

  it('can be cancelled, once', async () => {
    const id = await insertQueuedEmail(api.db, { clientId });
    expect((await tempost(`cancel ${id}`)).out).toMatch(/status +cancelled/);
    await tempost(`cancel ${id}`);
    expect((await tempost(`retry-now ${id}`)).error).toContain('409 not_waiting');
  });

  it('can be retried when it is dead, to a corrected address', async () => {
    const id = await deadEmail();
    expect((await tempost(`retry ${id} --receiver right@example.org`)).out).toMatch(/generation +2/);
    expect((await tempost(`email ${id}`)).out).toMatch(/to +right@example.org/);
    expect(await tempost(`retry ${id}`)).toMatchObject({ code: 1, error: expect.stringContaining('not_retryable') });
  });

  it('can be sent a second time, as a new one', async () => {
    const id = await insertQueuedEmail(api.db, { clientId });
    const { out } = await tempost(`resend ${id} --json`);
    expect(JSON.parse(out)).toMatchObject({ status: 'queued' });
    expect(JSON.parse(out).id).not.toBe(id);
  });

  it('that does not exist is refused', async () => {
    expect(await tempost('email 019a0000-0000-7000-8000-000000000000')).toMatchObject({ code: 1 });
    expect(await tempost('email')).toMatchObject({ code: 2 });
  });
});

describe('tempost dead', () => {
  it('lists by kind, retries a kind, and discards one', async () => {
    const [first, second] = [await deadEmail(), await deadEmail()];
    const { out } = await tempost('dead --priority low --reason lifetime_over');
    expect(out).toContain(first);
    expect(out).toContain(second);
    expect((await tempost('dead --priority critical')).out).toBe('No dead letters.');
    expect((await tempost(`dead discard ${first}`)).out).toContain('discarded');
    expect((await tempost('dead retry --priority low --dry-run')).out).toBe('1 dead letters would be retried.');
    expect(JSON.parse((await tempost('dead retry --all --json')).out)).toEqual({ matching: 1, retried: 1, skipped: 0 });
    expect((await tempost('dead')).out).toBe('No dead letters.');
    expect((await tempost('dead --state resolved')).out).toContain('discarded');
  });

  it('retries nothing unless it is told what', async () => {
    expect(await tempost('dead retry')).toMatchObject({ code: 2 });
    expect(await tempost('dead retry --all --priority low')).toMatchObject({ code: 2 });
  });
});

describe('tempost suppressions', () => {
  it('lists, adds and removes', async () => {
    expect((await tempost('suppressions')).out).toBe('No suppressions.');
    expect((await tempost('suppressions add gone@example.org')).code).toBe(0);
    expect((await tempost('suppressions --reason manual')).out).toContain('gone@example.org');
    expect((await tempost('suppressions remove gone@example.org')).code).toBe(0);
    expect((await tempost('suppressions remove gone@example.org')).error).toContain('suppression_not_found');
  });
});

describe('tempost client', () => {
  it('shows what a client may, and changes it', async () => {
    expect((await tempost(`client ${clientId}`)).out).toMatch(/low +\d+ +1000000/);
    expect((await tempost(`client ${clientId} low 5000`)).out).toMatch(/low +\d+ +5000/);
    expect((await tempost(`client ${clientId} notices off`)).out).toMatch(/told of failures +no/);
    expect((await tempost(`client ${clientId} opens off`)).out).toMatch(/opens are tracked +no/);
    expect(await tempost(`client ${clientId} urgent 5`)).toMatchObject({ code: 2 });
    expect(await tempost(`client ${clientId} notices maybe`)).toMatchObject({ code: 2 });
  });
});

describe('tempost', () => {
  it('explains itself and every command', async () => {
    const { out } = await tempost('--help');
    const names = [...out.matchAll(/^ {2}(\S+(?: \S+)?) {2,}/gm)].map((match) => match[1]!);
    expect(names).toEqual(expect.arrayContaining(['status', 'pause', 'dead retry', 'suppressions remove']));
    for (const name of names) {
      expect(await tempost(`${name} --help`)).toMatchObject({
        code: 0,
        out: expect.stringContaining(`usage: tempost ${name}`),
      });
    }
    expect((await tempost('help pause')).out).toContain('usage: tempost pause');
    expect((await tempost('')).out).toBe(out);
  });

  it.each(['frobnicate', 'status now', 'status --reason x', 'pause --force', 'constructor'])(
    'exits with 2 for "%s"',
    async (line) => {
      expect(await tempost(line)).toMatchObject({ code: 2, out: '', error: expect.stringMatching(/./) });
    },
  );

  it('exits with 1 for a key that is no operator’s, with 3 when nothing answers, with 2 without a key', async () => {
    expect(await tempost('status', { TEMPOST_API_KEY: api.client.key })).toMatchObject({
      code: 1,
      error: expect.stringContaining('403 operator_only'),
    });
    const nobody = `http://127.0.0.1:${await freePort()}`;
    expect(await tempost('status', { TEMPOST_URL: nobody })).toMatchObject({
      code: 3,
      error: expect.stringContaining('ECONNREFUSED'),
    });
    expect(await tempost('status', { TEMPOST_API_KEY: '', DATA_DIR: tmpdir() })).toMatchObject({
      code: 2,
      error: expect.stringContaining('TEMPOST_API_KEY'),
    });
  });

  it('says that a key cannot be one, rather than that nobody answers', async () => {
    for (const key of ['two words', 'a\nb', 'schlüssel']) {
      expect(await tempost('status', { TEMPOST_API_KEY: key })).toMatchObject({
        code: 2,
        error: expect.stringContaining('TEMPOST_API_KEY'),
      });
    }
  });

  it('says plainly when another program answers', async () => {
    const server = createServer((_, response) => response.writeHead(502).end('<h1>Bad gateway</h1>'));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const answer = await tempost('status', { TEMPOST_URL: `http://127.0.0.1:${port}` });
    server.close();
    expect(answer).toMatchObject({ code: 1, error: expect.stringContaining('502') });
  });

  it('lets no control sequence of an e-mail reach the terminal', async () => {
    const id = await insertQueuedEmail(api.db, { clientId });
    await api.db.updateTable('emails').set({ subject: 'a\u001b[2Jb' }).where('id', '=', id).execute();
    const { out } = await tempost(`email ${id}`);
    expect(out).toContain('a?[2Jb');
    expect(out).not.toContain('\u001b');
  });
});
