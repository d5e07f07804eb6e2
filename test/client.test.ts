import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ProblemError, Tempost } from '../client/index.js';
import { buildIfStale, root } from '../scripts/dist.mjs';
import { startTestApi, type TestApi, VALID_FIELDS } from './support/api.js';
import { insertClient } from './support/database.js';

const run = promisify(execFile);
let api: TestApi;
let tempost: Tempost;
beforeAll(async () => {
  api = await startTestApi();
  tempost = new Tempost({ url: api.url, apiKey: api.client.key });
});
afterAll(() => api?.stop());

const countEmails = async () => (await api.db.selectFrom('emails').select('id').execute()).length;

describe('the client, of a real api', () => {
  it('sends every field, and reads it again', async () => {
    const bytes = new TextEncoder().encode('One teapot.');
    const { id, status } = await tempost.send({
      ...VALID_FIELDS,
      priority: 'critical',
      reply_to: 'help@example.com',
      tags: ['order', 'shipping'],
      metadata: { order: 4711, gift: true },
      headers: { 'X-Shop': 'Läden' },
      track_opens: false,
      html: '<p>It is on its way.</p>',
      send_at: new Date(Date.now() + 3_600_000),
      attachment: { filename: 'order.txt', content: bytes, contentType: 'text/plain' },
    });
    expect(status).toBe('scheduled');
    expect(await tempost.get(id)).toMatchObject({
      id,
      priority: 'critical',
      tags: ['order', 'shipping'],
      metadata: { order: 4711, gift: true },
      headers: { 'X-Shop': 'Läden' },
      track_opens: false,
      attachment: { filename: 'order.txt', content_type: 'text/plain', size: bytes.length },
    });
    const at = new Date(Date.now() + 7_200_000);
    expect((await tempost.reschedule(id, at)).status).toBe('scheduled');
    expect((await tempost.cancel(id)).status).toBe('cancelled');
    const seen: string[] = [];
    for await (const email of tempost.follow(id)) seen.push(email.status);
    expect(seen).toEqual(['cancelled']);
  });

  it('makes one e-mail of two sends under one key', async () => {
    const before = await countEmails();
    const first = await tempost.send(VALID_FIELDS, { idempotencyKey: 'once' });
    expect(await tempost.send(VALID_FIELDS, { idempotencyKey: 'once' })).toEqual(first);
    expect(await countEmails()).toBe(before + 1);
  });

  it('makes one e-mail when the answers are lost on the way', async () => {
    const before = await countEmails();
    let lost = 0;
    const losing: typeof fetch = async (...request) => {
      const answer = await fetch(...request);
      if (lost++ < 2) throw new TypeError('the connection broke');
      return answer;
    };
    const client = new Tempost({ url: api.url, apiKey: api.client.key, backoffMs: 1, fetch: losing });
    const { id } = await client.send(VALID_FIELDS);
    expect(lost).toBe(3);
    expect(await countEmails()).toBe(before + 1);
    expect((await client.get(id)).status).toBe('queued');
  });

  it('throws every fault at once, with the code', async () => {
    const error = await tempost.send({ ...VALID_FIELDS, receiver: 'nobody', subject: '' }).catch((fault) => fault);
    expect(error).toBeInstanceOf(ProblemError);
    expect(error).toMatchObject({ status: 422, code: 'invalid_fields', requestId: expect.any(String) });
    expect((error as ProblemError).errors.map(({ field }) => field).sort()).toEqual(['receiver', 'subject']);
  });

  it('reads lists of several pages', async () => {
    const wanted = ['a@example.org', 'b@example.org', 'c@example.org'];
    for (const address of wanted) await tempost.request('addSuppression', { body: { address } });
    const found: string[] = [];
    for await (const { address } of tempost.list('listSuppressions', { limit: 1 })) found.push(address);
    expect(found.sort()).toEqual(wanted);
    await tempost.request('removeSuppression', { params: { address: wanted[0]! } });
    await expect(tempost.request('removeSuppression', { params: { address: wanted[0]! } })).rejects.toMatchObject({
      code: 'suppression_not_found',
    });
  });

  it('does what operators do', async () => {
    const { key } = await insertClient(api.db, { operator: true });
    const operator = new Tempost({ url: api.url, apiKey: key });
    const { providers } = await operator.request('listProviders', {});
    expect(providers.length).toBeGreaterThan(0);
    await expect(tempost.request('listProviders', {})).rejects.toMatchObject({ code: 'operator_only' });
  });
});

describe('README.md', () => {
  const text = readFileSync(join(root, 'README.md'), 'utf8');
  const section = text.slice(text.indexOf('## Send an e-mail'));
  const example = (language: string) =>
    new RegExp(`\`\`\`${language}\\n([\\s\\S]*?)\`\`\``)
      .exec(section)![1]!
      .replaceAll('http://127.0.0.1:3000', api.url);
  const env = () => ({ PATH: process.env.PATH, HOME: tmpdir(), KEY: api.client.key });

  it('shows a curl command that sends', async ({ skip }) => {
    const curl = await run('curl', ['--version']).catch(() => undefined);
    skip(!curl, 'there is no curl');
    const { stdout } = await run('sh', ['-c', example('sh')], { cwd: root, env: env() });
    const { id } = JSON.parse(stdout) as { id: string };
    expect(await tempost.get(id)).toMatchObject({ status: 'queued', attachment: { filename: 'LICENSE' } });
  });

  it('shows a program that sends, as strict TypeScript of a package that has installed this one', async () => {
    expect(buildIfStale()).toBe(true);
    const folder = mkdtempSync(join(tmpdir(), 'tempost-program-'));
    try {
      mkdirSync(join(folder, 'node_modules'));
      symlinkSync(root, join(folder, 'node_modules', 'tempost'));
      writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
      writeFileSync(join(folder, 'program.ts'), example('ts'));
      const types = ['--types', 'node', '--typeRoots', join(root, 'node_modules/@types')];
      const tsc = [
        join(root, 'node_modules/typescript/bin/tsc'),
        '--strict',
        '--module',
        'nodenext',
        '--target',
        'es2023',
      ];
      await run(process.execPath, [...tsc, ...types, 'program.ts'], { cwd: folder });
      const { stdout } = await run(process.execPath, ['program.js'], { cwd: folder, env: env() });
      expect(await tempost.get(stdout.trim())).toMatchObject({
        status: 'queued',
        attachment: { filename: 'order.txt', size: 11 },
      });
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
