import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Browser } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { testActs, testActsOfLists } from './support/console/acts.js';
import { testOtherSites, testSessions, testStoredMarkup, XSS } from './support/console/attacks.js';
import { axeFaults, chromiumPath, openBrowser, openPage, signIn } from './support/console/browser.js';
import { testCounts, testGroups, testJobs } from './support/console/bulk.js';
import { testKeyboard } from './support/console/keyboard.js';
import { testOutage } from './support/console/outage.js';
import { testItemScreens, testShape, testStates } from './support/console/states.js';
import { startTestSystem, type TestSystem } from './support/system.js';
import { until } from './support/until.js';

const MOST_SCRIPT_BYTES = 200 * 1024;
const scripts = fileURLToPath(new URL('../dist/console/scripts', import.meta.url));

const SCREENS = [
  ...['', '/find', '/dead-letters', '/providers', '/service-levels', '/jobs', '/audit', '/clients', '/suppressions'],
  ...['/unmatched', '/data'],
];

if (!chromiumPath)
  console.log('the console in a browser: SKIPPED, there is no Chromium here (apt-get install chromium)');

describe.skipIf(!chromiumPath)('the console', () => {
  let system: TestSystem;
  let browser: Browser;
  beforeAll(async () => {
    system = await startTestSystem();
    browser = await openBrowser();
  });
  afterAll(async () => {
    await browser?.close();
    await system?.drop();
  });

  // Pages that stay open watch, and cost what they watch.
  afterEach(async () => void (await Promise.all(browser.contexts().map((context) => context.close()))));

  const at = (path: string) => `${system.stack.api}/console${path}`;

  async function signedIn(width?: number, colours?: 'light' | 'dark') {
    const opened = await openPage(browser, width, colours);
    await signIn(opened.page, system.stack);
    return opened;
  }

  it('is at most 200 KB of compressed script', () => {
    const sizes = readdirSync(scripts).filter((name) => name.endsWith('.br'));
    expect(sizes.length).toBeGreaterThan(0);
    expect(sizes.reduce((sum, name) => sum + statSync(join(scripts, name)).size, 0)).toBeLessThan(MOST_SCRIPT_BYTES);
  });

  it('signs in by an address, once; and a wrong key is told so', async () => {
    const answer = await fetch(`${system.stack.api}/api/session/links`, {
      method: 'POST',
      headers: { authorization: `Bearer ${system.stack.key}` },
    });
    const { path } = (await answer.json()) as { path: string };
    const first = await openPage(browser);
    await first.page.goto(`${system.stack.api}${path}`);
    await first.page.getByRole('heading', { level: 1, name: 'Now' }).waitFor();
    expect(first.page.url()).not.toContain(path.split('#')[1]);
    const second = await openPage(browser);
    await second.page.goto(`${system.stack.api}${path}`);
    await second.page.getByText('This address was used, or is too old.').waitFor();
    await second.page.getByLabel('API key').fill('tp_wrong');
    await second.page.getByRole('button', { name: 'Sign in' }).click();
    await second.page.getByText('This API key is not valid.').waitFor();
    await first.page.getByRole('button', { name: 'Sign out' }).click();
    await first.page.getByRole('heading', { name: 'Sign in' }).waitFor();
    expect([...first.troubles, ...second.troubles]).toEqual([]);
  });

  it('leads from a receiver’s address to the timeline in three clicks', async () => {
    const id = await system.stack.submit({ receiver: 'three.clicks@example.org', subject: 'Clicked for' });
    await system.stack.isDelivered(id);
    const { page, troubles } = await signedIn();
    await page.getByRole('link', { name: 'Find' }).click();
    await page.getByLabel('Receiver, id').fill('three.clicks@example.org');
    await page.getByRole('button', { name: 'Find' }).click();
    await page.getByRole('link', { name: 'three.clicks@example.org' }).click();
    await page.getByRole('heading', { name: 'Timeline' }).waitFor();
    expect(page.url()).toContain(id);
    expect(troubles).toEqual([]);
  });

  it('shows what strangers write as text, wherever it shows it', async () => {
    const id = await system.stack.submit({
      receiver: 'xss@example.org',
      subject: `subject ${XSS}`,
      content: `<p>content</p>${XSS}<form action="https://evil.example.com"></form>`,
      attachment: { filename: `${XSS}.txt`, bytes: Buffer.from('x') },
      ...({ tags: `tag${XSS}`, content_type: 'text/html', metadata: JSON.stringify({ note: XSS }) } as object),
    });
    await system.stack.isDelivered(id);
    const { page, troubles } = await signedIn();
    await page.goto(at(`/emails/${id}`));
    await page.getByRole('heading', { level: 1, name: XSS }).waitFor();
    await page.getByRole('button', { name: 'Raw events' }).click();
    await page.getByRole('button', { name: 'HTML' }).click();
    await page.frameLocator('iframe').getByText('content').waitFor();
    await page.getByRole('button', { name: 'Text', exact: true }).click();
    await page.goto(at('/find?q=xss@example.org'));
    await page.getByRole('link', { name: 'xss@example.org' }).waitFor();
    // The frame's policy refuses what the e-mail tries: that is told in the console, and no dialog opens.
    expect(troubles.filter((trouble) => trouble.startsWith('a dialog'))).toEqual([]);
    expect(await page.evaluate('document.querySelectorAll("img").length')).toBe(0);
  });

  it('offers a viewer nothing that it may not do', async () => {
    const { body } = await ask('/api/clients', { name: 'lookers' });
    const { body: made } = await ask(`/api/clients/${body.id}/keys`, { name: 'looker', role: 'viewer' });
    const { page } = await openPage(browser);
    await signIn(page, { api: system.stack.api, key: made.key! });
    expect(await page.getByRole('button', { name: /Pause|Hold|Release/ }).count()).toBe(0);
    await page.goto(at('/providers'));
    await page.getByRole('region', { name: 'mailgun' }).waitFor();
    expect(await page.getByRole('button', { name: /Switch|Limits/ }).count()).toBe(0);
  });

  it('watches nothing for a client, which may not', async () => {
    const { body } = await ask('/api/clients', { name: 'a program' });
    const { body: made } = await ask(`/api/clients/${body.id}/keys`, { name: 'its key' });
    const { page } = await openPage(browser);
    const watched: string[] = [];
    page.on('request', (request) => request.url().endsWith('/stream') && watched.push(request.url()));
    await page.goto(at('/sign-in'));
    await page.getByLabel('API key').fill(made.key!);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('navigation', { name: 'Screens' }).waitFor();
    await page.goto(at('/find'));
    await page.getByRole('heading', { level: 1, name: 'Find' }).waitFor();
    expect(watched).toEqual([]);
  });

  async function ask(path: string, body: object) {
    const answer = await fetch(`${system.stack.api}${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${system.stack.key}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    return { body: (await answer.json()) as { readonly id: string; readonly key?: string } };
  }

  it('pauses and resumes, with the reason beside it', async () => {
    const { page } = await signedIn();
    await page.getByRole('button', { name: 'Pause low' }).click();
    await page.getByLabel('Why').fill('a wrong template');
    await page.getByRole('button', { name: 'Pause', exact: true }).click();
    await page.getByText(/Paused by .*a wrong template/).waitFor();
    await page.getByRole('button', { name: 'Resume low' }).click();
    await page.getByRole('button', { name: 'Resume', exact: true }).click();
    await page.getByRole('button', { name: 'Pause low' }).waitFor();
  });

  it.each([
    [1_400, 'light'],
    [1_400, 'dark'],
    [360, 'light'],
    [360, 'dark'],
  ] as const)('keeps to WCAG AA and does not scroll sideways at %i px, %s', async (width, colours) => {
    const { page, troubles } = await signedIn(width, colours);
    const faults: string[] = [];
    for (const screen of SCREENS) {
      await page.goto(at(screen));
      await page.getByRole('heading', { level: 1 }).waitFor();
      await until(`${screen} has loaded`, async () => (await page.getByText('Loading…').count()) === 0);
      const wide = await page.evaluate('document.documentElement.scrollWidth');
      if (Number(wide) > width) faults.push(`${screen} is ${wide} px wide`);
      faults.push(...(await axeFaults(page)).map((fault) => `${screen}: ${fault}`));
    }
    expect(faults).toEqual([]);
    expect(troubles).toEqual([]);
  });

  const running = { system: () => system, signedIn, at, fresh: () => openPage(browser) };
  testOutage(running);
  testActs(running);
  testActsOfLists(running);
  testGroups(running);
  testCounts(running);
  testJobs(running);
  testStoredMarkup(running);
  testSessions(running);
  testOtherSites(running);
  testKeyboard(running);
  testStates(running);
  testShape(running);
  testItemScreens(running);
});
