import { readFileSync } from 'node:fs';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestApi, type TestApi } from './support/api.js';
import { axeFaults, chromiumPath, openBrowser, openPage } from './support/console/browser.js';
import { insertClient, type TestClient } from './support/database.js';
import { insertDeadEmail } from './support/dead.js';

if (!chromiumPath)
  console.log('administration in a browser: SKIPPED, there is no Chromium here (apt-get install chromium)');

/** What would run if it were taken for markup anywhere. */
const XSS = `"><img src=x onerror="alert(1)"><script>alert(2)</script>`;

describe.skipIf(!chromiumPath)('administration in the console', () => {
  let api: TestApi;
  let admin: TestClient;
  let browser: Browser;
  beforeAll(async () => {
    api = await startTestApi();
    admin = await insertClient(api.db, { operator: true });
    browser = await openBrowser();
  });
  afterAll(async () => {
    await browser?.close();
    await api?.stop();
  });

  const at = (path: string) => `${api.url}/console${path}`;

  async function signedIn(path: string, width?: number, colours?: 'light' | 'dark') {
    const opened = await openPage(browser, width, colours);
    const { page } = opened;
    await page.goto(at(path));
    await page.getByLabel('API key').fill(admin.key);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('heading', { level: 1 }).waitFor();
    return opened;
  }

  const dialog = (page: Page) => page.getByRole('dialog');
  /** Presses what the dialog is for, and waits until it is done. */
  async function confirm(page: Page, verb: string) {
    await dialog(page).getByRole('button', { name: verb, exact: true }).click();
    await dialog(page).waitFor({ state: 'detached' });
  }
  const get = async (path: string) => (await (await api.get(path, admin.key)).json()) as Record<string, never>;

  it('changes a client’s limits, settings and senders, and shows them back', async () => {
    const { id } = await insertClient(api.db);
    const { page, troubles } = await signedIn(`/clients/${id}`);
    await page.getByRole('button', { name: 'Change the limits…' }).click();
    await dialog(page).getByLabel('A day, low').fill('123');
    await dialog(page).getByLabel('Submissions a second').fill('4.5');
    expect(await axeFaults(page)).toEqual([]);
    await confirm(page, 'Change');
    await page.getByText('of 123', { exact: false }).waitFor();
    await page.getByText('4.5 a second, 9 at once').waitFor();
    await page.getByRole('button', { name: 'Change the settings…' }).click();
    await dialog(page).getByLabel('Count opens').uncheck();
    await confirm(page, 'Change');
    await page.getByText('are not counted').waitFor();
    await page.getByRole('button', { name: 'Allow a sender…' }).click();
    await dialog(page).getByLabel('Address or domain').fill('no address at all');
    await dialog(page).getByRole('button', { name: 'Allow', exact: true }).click();
    await dialog(page).getByRole('alert').getByText('must be an address').waitFor();
    await dialog(page).getByLabel('Address or domain').fill('new.example.com');
    await confirm(page, 'Allow');
    await page.getByRole('button', { name: 'Remove new.example.com' }).click();
    await confirm(page, 'Remove');
    await page.getByRole('button', { name: 'Remove new.example.com' }).waitFor({ state: 'detached' });
    expect(await get(`/api/clients/${id}`)).toMatchObject({
      daily_limits: { low: 123 },
      rate_limits: { send: { rate: 4.5, burst: 9 }, read: null },
      track_opens: false,
    });
    expect(troubles).toEqual([]);
  });

  it('shows for how long a client’s mail is kept, and changes it', async () => {
    const { id } = await insertClient(api.db);
    const { page, troubles } = await signedIn(`/clients/${id}`);
    const card = page.getByRole('region', { name: 'How long its mail is kept' });
    await card
      .getByText(/, as configured/)
      .first()
      .waitFor();
    await card.getByRole('button', { name: 'Change the periods…' }).click();
    await dialog(page).getByLabel('Contents and attachments').fill('30');
    await dialog(page).getByLabel('All that is known').fill('0');
    expect(await axeFaults(page)).toEqual([]);
    await confirm(page, 'Change');
    await card.getByText('for 30 days', { exact: true }).waitFor();
    await card.getByText('for good', { exact: true }).waitFor();
    expect(await get(`/api/clients/${id}`)).toMatchObject({
      retention: { content_days: 30, record_days: 0, kept_content_days: 30, kept_record_days: null },
    });
    await card.getByRole('button', { name: 'Change the periods…' }).click();
    await dialog(page).getByLabel('Contents and attachments').fill('');
    await confirm(page, 'Change');
    expect(await get(`/api/clients/${id}`)).toMatchObject({ retention: { content_days: null, record_days: 0 } });
    expect(troubles).toEqual([]);
  });

  it('makes a key that is shown once, rotates it with an overlap, and revokes it', async () => {
    const { id } = await insertClient(api.db);
    const { page, troubles } = await signedIn(`/clients/${id}`);
    await page.getByRole('button', { name: 'New key…' }).click();
    await dialog(page).getByLabel('Whose it is').fill(`the shop ${XSS}`.slice(0, 100));
    await dialog(page).getByLabel('suppressions:').uncheck();
    await dialog(page).getByLabel('Taken from').fill('127.0.0.1, 10.0.0.0/8');
    await dialog(page).getByLabel('Until').fill('2031-01-01T00:00');
    expect(await axeFaults(page)).toEqual([]);
    await confirm(page, 'Make it');
    const shown = page.getByLabel('The new key. Copy it now');
    const key = await shown.inputValue();
    expect((await api.get('/api/emails', key)).status).toBe(200);
    await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
    await page.getByRole('button', { name: 'Copy' }).click();
    await page.getByText('Copied.').waitFor();
    expect(await page.evaluate('navigator.clipboard.readText()')).toBe(key);
    await page.getByRole('button', { name: 'I have it' }).click();
    await page.reload();
    await page.getByRole('button', { name: `Rotate ${key.slice(0, 8)}` }).click();
    await dialog(page).getByLabel('Hours for which both').fill('1');
    await confirm(page, 'Rotate');
    const next = await shown.inputValue();
    for (const each of [key, next]) expect((await api.get('/api/emails', each)).status).toBe(200);
    const { keys } = (await get(`/api/clients/${id}/keys`)) as unknown as { keys: { allowed_addresses: string[] }[] };
    expect(keys[0]).toMatchObject({ scopes: ['send', 'read'], allowed_addresses: ['127.0.0.1', '10.0.0.0/8'] });
    await page.getByRole('button', { name: 'I have it' }).click();
    await page.getByRole('row').filter({ hasText: 'the shop' }).first().waitFor();
    await page
      .getByRole('button', { name: /^Revoke/ })
      .first()
      .click();
    await confirm(page, 'Revoke');
    await page.getByText('revoked').first().waitFor();
    expect((await api.get('/api/emails', next)).status).toBe(401);
    expect(troubles).toEqual([]);
  });

  it('makes an operator’s key with a role, which has to have a name', async () => {
    const { page } = await signedIn(`/clients/${admin.id}`);
    await page.getByRole('button', { name: 'New key…' }).click();
    await dialog(page).getByLabel('Kind').selectOption('viewer');
    await dialog(page).getByRole('button', { name: 'Make it' }).click();
    expect(await dialog(page).isVisible()).toBe(true);
    await dialog(page).getByLabel('Whose it is').fill('on call');
    await confirm(page, 'Make it');
    const key = await page.getByLabel('The new key. Copy it now').inputValue();
    expect((await api.get('/api/admin/overview', key)).status).toBe(200);
    expect((await api.post('/api/admin/queues/low/pause', { reason: 'x' }, key)).status).toBe(403);
  });

  it('begins a job after it has said what it would do, and stops it', async () => {
    const { id: clientId } = await insertClient(api.db);
    for (let n = 0; n < 3; n++) await insertDeadEmail(api.db, { clientId });
    const { page, troubles } = await signedIn('/jobs');
    await page.getByLabel('What', { exact: true }).selectOption('retry');
    await page.getByLabel('Client').selectOption(clientId);
    await page.getByRole('button', { name: 'See what it would do…' }).click();
    await dialog(page).getByText('3 e-mails').waitFor();
    expect(await axeFaults(page)).toEqual([]);
    await dialog(page).getByLabel('Why').fill('the key was wrong');
    await confirm(page, 'Retry them');
    await page.getByRole('heading', { level: 1, name: 'retry' }).waitFor();
    await page.getByRole('button', { name: 'Stop…' }).click();
    await dialog(page).getByLabel('Why').fill('the wrong filter');
    await confirm(page, 'Stop');
    await page.getByText('stopped', { exact: true }).waitFor();
    const { jobs } = (await get('/api/admin/jobs')) as unknown as { jobs: object[] };
    expect(jobs).toMatchObject([{ kind: 'retry', state: 'stopped', reason: 'the key was wrong' }]);
    expect(troubles).toEqual([]);
  });

  it('tells what is wrong with a job before it begins', async () => {
    const { page } = await signedIn('/jobs');
    await page.getByLabel('Receiver', { exact: true }).fill('no address at all');
    await page.getByRole('button', { name: 'See what it would do…' }).click();
    await dialog(page).getByText('filter.receiver').waitFor();
    expect(await dialog(page).getByRole('button', { name: 'Cancel them' }).isDisabled()).toBe(true);
  });

  it('hands out what is kept of a person as a file, and forgets them once their address is typed', async () => {
    const id = await insertDeadEmail(api.db, { clientId: admin.id });
    const { receiver } = (await get(`/api/email/${id}`)) as unknown as { receiver: string };
    const { page, troubles } = await signedIn('/data');
    await page.getByLabel('Their address').fill(receiver);
    const [file] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('button', { name: 'Hand out what is kept' }).click(),
    ]);
    expect(file.suggestedFilename()).toBe('personal-data.tar');
    expect(readFileSync(await file.path()).toString()).toContain(id);
    await page.getByRole('button', { name: 'Forget…' }).click();
    await dialog(page)
      .getByText(/\d e-mails?/)
      .first()
      .waitFor();
    await dialog(page).getByLabel('Why').fill('asked for it');
    await dialog(page).getByLabel('to confirm').fill('another@example.org');
    await dialog(page).getByRole('button', { name: 'Forget them' }).click();
    expect((await api.get(`/api/email/${id}`, admin.key)).status).toBe(200);
    expect(await axeFaults(page)).toEqual([]);
    await dialog(page).getByLabel('to confirm').fill(receiver);
    await confirm(page, 'Forget them');
    await page.getByText('Nothing of them is left.').waitFor();
    expect((await api.get(`/api/email/${id}`, admin.key)).status).toBe(404);
    expect(troubles).toEqual([]);
  });

  it('drops no month that is not over, and says so', async () => {
    const { page } = await signedIn('/data');
    await page.getByLabel('Year and month').fill(new Date().toISOString().slice(0, 7));
    await page.getByRole('button', { name: 'Drop…' }).click();
    await dialog(page).getByText('It is not over.').waitFor();
    expect(await dialog(page).getByRole('button', { name: 'Drop it' }).isDisabled()).toBe(true);
  });

  it('keeps to WCAG AA and to 360 px, and shows names as text, whatever they are', async () => {
    const name = `client ${XSS}`.slice(0, 100);
    const made = await (await api.post('/api/clients', { name }, admin.key)).json();
    const { page, troubles } = await signedIn('/clients', 360, 'dark');
    for (const path of ['/clients', `/clients/${(made as { id: string }).id}`, '/jobs', '/data']) {
      await page.goto(at(path));
      await page.getByRole('heading', { level: 1 }).waitFor();
      expect([path, await axeFaults(page)]).toEqual([path, []]);
      expect(Number(await page.evaluate('document.documentElement.scrollWidth'))).toBeLessThanOrEqual(360);
    }
    expect(await page.evaluate('document.querySelectorAll("img").length')).toBe(0);
    expect(troubles).toEqual([]);
  });
});
