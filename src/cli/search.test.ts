import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestApi, type TestApi } from '../../test/support/api.js';
import { commandLine } from '../../test/support/cli.js';
import { insertClient } from '../../test/support/database.js';
import { insertQueuedEmail } from '../../test/support/emails.js';

let api: TestApi;
let operator: string;

beforeAll(async () => {
  api = await startTestApi();
  ({ key: operator } = await insertClient(api.db, { operator: true }));
});
afterAll(() => api?.stop());

const tempost = commandLine(() => ({ TEMPOST_URL: api.url, TEMPOST_API_KEY: operator }));

/** What a table lists. Ages grow from one to the next. */
const found = (table: string) => table.split('\n').map((line) => line.split(' ')[0]);

describe('tempost emails', () => {
  it('finds e-mails by what is asked, over several pages, as a table and for programs', async () => {
    const { id: own } = await insertClient(api.db);
    const ids: string[] = [];
    for (let n = 0; n < 3; n++)
      ids.unshift(await insertQueuedEmail(api.db, { clientId: own, receiver: 'find@example.org' }));
    const metadata = JSON.stringify({ order: 4711, paid: true });
    await api.db.updateTable('emails').set({ metadata }).where('id', '=', ids[1]!).execute();
    const { code, out } = await tempost(`emails --client ${own} --receiver Find@example.org --status queued`);
    expect(code).toBe(0);
    expect(found(out)).toEqual(['id', ...ids]);
    const { emails, next_cursor } = JSON.parse((await tempost(`emails --client ${own} --limit 2 --json`)).out);
    expect(emails.map((email: { id: string }) => email.id)).toEqual(ids.slice(0, 2));
    expect(next_cursor).toEqual(expect.any(String));
    expect((await tempost(`emails --client ${own} --tag nobody`)).out).toBe('No e-mails.');
    const { out: byTwo } = await tempost(`emails --client ${own} --metadata order=4711 --metadata paid=true`);
    expect(byTwo).toContain(ids[1]);
    expect(byTwo).not.toContain(ids[0]);
    const { out: byJson } = await tempost(`emails --client ${own} --metadata {"order":4711,"paid":true}`);
    expect(found(byJson)).toEqual(found(byTwo));
    expect((await tempost(`emails --client ${own} --metadata order=4711 --metadata paid=false`)).out).toBe(
      'No e-mails.',
    );
    for (const wrong of ['order', '{"order":[1]}', '{'])
      expect(await tempost(`emails --metadata ${wrong}`)).toMatchObject({ code: 2 });
    expect(await tempost('emails --status lost')).toMatchObject({ code: 1, error: expect.stringContaining('status') });
    expect(await tempost('emails --limit x')).toMatchObject({ code: 2 });
  });

  it('and "tempost email" says why one waits', async () => {
    const id = await insertQueuedEmail(api.db, { dueInS: -1 });
    const { out } = await tempost(`email ${id}`);
    expect(out).toMatch(/^waits +No dispatcher runs that could start it\. \(no_dispatcher\)$/m);
  });
});
