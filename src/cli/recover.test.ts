import { randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../test/support/database.js';
import { insertQueuedEmail } from '../../test/support/emails.js';
import { progressTeller } from './commands/recover.js';
import { runCli } from './run.js';

let database: TestDatabase;
let directory: string;
beforeAll(async () => {
  database = await createTestDatabase();
  directory = await mkdtemp(join(tmpdir(), 'tempost-recover-'));
});
afterAll(async () => {
  await database?.drop();
  await rm(directory, { recursive: true, force: true });
});

/** With what a worker has in its environment; SMTP cannot be asked for anything. */
async function recover(...argv: string[]) {
  const lines: string[] = [];
  const env = { DATABASE_URL: database.url, PROVIDERS: 'smtp', SMTP_URL: 'smtp://127.0.0.1:1', STORAGE_DIR: directory };
  const console = { out: (text: string) => void lines.push(text), error: (text: string) => void lines.push(text) };
  const code = await runCli(['recover', ...argv], env, console);
  return { code, said: lines.join('\n') };
}
const RESTORED = ['--restored-to', new Date(Date.now() - 60_000).toISOString(), '--temporal', 'lost'];

describe('tempost recover', () => {
  it('goes from the restore to open sending, on the record alone, and says each time where it stands', async () => {
    const ids = [await insertQueuedEmail(database.db), await insertQueuedEmail(database.db)].sort();
    // The attachment of an e-mail that the record lacks.
    const lacked = randomUUID();
    const folder = join(directory, 'attachments', ...new Date().toISOString().slice(0, 10).split('-'));
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, lacked), 'an attachment');
    expect(await recover('status')).toEqual({ code: 0, said: 'There has been no recovery.' });
    expect((await recover('run')).code).toBe(1);
    expect(await recover('begin', ...RESTORED)).toMatchObject({
      code: 0,
      said: expect.stringContaining('NOTHING IS SENT'),
    });
    expect(await recover('finish')).toMatchObject({ code: 1, said: expect.stringContaining('recover run') });
    const dry = await recover('run', '--dry-run');
    expect(dry.said).toContain('would be: 2 of 2 judged: 0 sent, 0 unsent, 2 unknown');
    expect((await recover('list')).said).toBe('none');
    const done = await recover('run');
    expect(done.said).toContain('2 of 2 judged: 0 sent, 0 unsent, 2 unknown');
    // Who could tell what the record lacks, now and later.
    for (const { said } of [done, await recover('status')]) {
      expect(said).toMatch(/^lacking, by temporal +0; its data are lost$/m);
      expect(said).toMatch(/^lacking, by attachments +1$/m);
      expect(said).toMatch(/^lacking, by smtp +0; tells nothing afterwards$/m);
    }
    const lacking = (await recover('list', '--verdict', 'lacking')).said;
    expect(lacking).toMatch(new RegExp(`^${lacked} +- +- +attachment +- +attachments +stored`, 'm'));
    const listed = JSON.parse((await recover('list', '--json')).said);
    expect(listed).toMatchObject({ items: ids.map((emailId) => ({ emailId })), next: null });
    // Page by page, to the end.
    const first = await recover('list', '--limit', '1');
    expect(first.said).toMatch(new RegExp(`^${ids[0]} [^]*\nthere are more: --after ${ids[0]}$`, 'm'));
    const page = async (...argv: string[]) =>
      JSON.parse((await recover('list', '--json', '--limit', '1', ...argv)).said);
    expect(await page()).toMatchObject({ items: [{ emailId: ids[0] }], next: ids[0] });
    expect(await page('--after', ids[0]!)).toMatchObject({ items: [{ emailId: ids[1] }], next: null });
    expect((await recover('list', '--after', ids[1]!)).said).toBe('none');
    expect((await recover('release', ids[0]!)).said).toBe('1 released');
    expect((await recover('release', ids[0]!)).said).toBe('There was nothing to decide about.');
    // Somebody's log lagged when it was read.
    const until = new Date(Date.now() + 60_000).toISOString();
    const sources = JSON.stringify([{ source: 'mailgun', found: 0, limits: [{ code: 'may_lag', detail: until }] }]);
    await database.db.updateTable('recoveries').set({ sources }).execute();
    const finished = await recover('finish');
    expect(finished.said).toContain('Sending is open. 1 unknown e-mails are held.');
    expect(finished.said).toContain(
      `mailgun may lack the newest until ${until}: run \`tempost recover run\` once more`,
    );
    // Once more: what is lacking is listed, and nothing judged, nor held.
    const later = randomUUID();
    await writeFile(join(folder, later), 'an attachment');
    const meanwhile = await insertQueuedEmail(database.db);
    const again = JSON.parse((await recover('run', '--json')).said.replace(/^[^{]*/, ''));
    expect(again).toMatchObject({ onlyListed: true, judged: 0, lacking: 2 });
    expect((await recover('run')).said).toContain('nothing was judged; after another restore `tempost recover begin`');
    expect((await recover('list', '--verdict', 'lacking')).said).toContain(later);
    expect((await recover('list')).said).not.toContain(meanwhile);
    expect((await recover('finish')).said).toContain('No recovery goes on.');
    expect((await recover('discard', '--all')).said).toBe('1 discarded');
    expect((await recover('status')).said).toContain('finished: sending is open');
  });

  it.each([
    ['begin', '--temporal', 'intact'],
    ['begin', '--restored-to', 'yesterday', '--temporal', 'intact'],
    ['begin', '--restored-to', '2999-01-01T00:00:00Z', '--temporal', 'intact'],
    ['begin', '--restored-to', '2020-01-01T00:00:00Z'],
    ['list', '--verdict', 'perhaps'],
    ['list', '--limit', '0'],
    ['list', '--after', 'the-first'],
    ['release'],
    ['release', 'none'],
    ['discard', '019ad4a0-95c9-7f2e-8a3e-6a1c0e6f7b10', '--all'],
  ])('%s %s %s: does not understand that, and connects to nothing', async (...argv) => {
    expect((await recover(...argv)).code).toBe(2);
  });

  it('tells its progress once a second at most, and only what has changed', () => {
    const said: string[] = [];
    let nowMs = 0;
    const tell = progressTeller(
      (text) => void said.push(text),
      () => nowMs,
    );
    for (const [atMs, text] of [
      [0, 'a'],
      [10, 'b'],
      [1_000, 'b'],
      [2_000, 'b'],
      [2_500, 'c'],
      [2_600, 'd'],
    ] as const) {
      nowMs = atMs;
      tell(text);
    }
    expect(said).toEqual(['a', 'b', 'c']);
  });

  it('names every fault of the environment', async () => {
    const said: string[] = [];
    const console = { out: () => {}, error: (text: string) => void said.push(text) };
    expect(await runCli(['recover', 'status'], { PROVIDERS: 'smtp' }, console)).toBe(2);
    expect(said.join()).toContain('DATABASE_URL');
    expect(said.join()).toContain('SMTP_URL');
  });
});
