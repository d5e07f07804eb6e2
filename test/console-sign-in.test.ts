import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestApi, type TestApi } from './support/api.js';
import { axeFaults, chromiumPath, openBrowser, openPage } from './support/console/browser.js';
import { insertClient, type TestClient } from './support/database.js';
import { freePorts } from './support/ports.js';
import { startIdentityProvider } from './support/servers/identity-provider.js';
import { CLIENT } from './support/servers/scripted-issuer.js';
import { until } from './support/until.js';

if (!chromiumPath)
  console.log('signing in in a browser: SKIPPED, there is no Chromium here (apt-get install chromium)');

describe.skipIf(!chromiumPath)('signing in to the console by OpenID Connect, in a browser', () => {
  let api: TestApi;
  let provider: Awaited<ReturnType<typeof startIdentityProvider>>;
  let operator: TestClient;
  let browser: Browser;
  beforeAll(async () => {
    const [port] = await freePorts(1);
    const consoleUrl = `http://127.0.0.1:${port}`;
    provider = await startIdentityProvider(consoleUrl);
    const openId = {
      ...{ issuer: provider.url, clientId: CLIENT.id, clientSecret: CLIENT.secret, consoleUrl },
      ...{ scopes: 'openid profile', roleClaim: 'roles' },
      values: { admin: ['tempost-admins'], operator: [], viewer: ['tempost-viewers'] },
    };
    api = await startTestApi({}, { apiPort: port!, openId });
    operator = await insertClient(api.db, { operator: true });
    browser = await openBrowser();
  });
  afterAll(async () => {
    await browser?.close();
    await api?.stop();
    await provider?.stop();
  });

  /** Through the identity provider's pages, as somebody. */
  async function signInAs(page: Page, login: string, path = '/console/audit') {
    await page.goto(`${api.url}${path}`);
    await page.getByRole('link', { name: /^Sign in with 127/ }).click();
    await signInThere(page, login);
  }

  async function signInThere(page: Page, login: string) {
    await page.locator('input[name=login]').fill(login);
    await page.locator('input[name=password]').fill('any');
    await page.locator('button[type=submit]').click();
    await page.getByRole('button', { name: 'Continue' }).click();
  }

  it('leads there and back to where one wanted to be, and the audit says who signed in', async () => {
    const { page, troubles } = await openPage(browser);
    await signInAs(page, 'ada', '/console/audit?who=console');
    await page.getByRole('heading', { level: 1, name: 'Audit' }).waitFor();
    expect(page.url()).toBe(`${api.url}/console/audit?who=console`);
    await page.getByText('ada of the tests · admin').waitFor();
    const answer = await api.get('/api/admin/audit?limit=1', operator.key);
    expect(await answer.json()).toMatchObject({
      acts: [{ action: 'key.sign_in', key_name: 'ada of the tests', client_name: new URL(provider.url).host }],
    });
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
    await page.reload();
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
    expect(troubles).toEqual([]);
  });

  it.each(['https://evil.example.com/', '//evil.example.com/', '/\\\\evil.example.com', 'javascript:alert(1)'])(
    'leads back to itself, and not to %s, whoever made up the address',
    async (elsewhere) => {
      const { page, troubles } = await openPage(browser);
      await page.goto(`${api.url}/api/session/open-id?return_to=${encodeURIComponent(elsewhere)}`);
      await signInThere(page, 'ada');
      await page.getByRole('button', { name: 'Sign out' }).waitFor();
      expect([new URL(page.url()).origin, troubles]).toEqual([api.url, []]);
    },
  );

  it('lets a viewer look, and offers nothing more', async () => {
    const { page } = await openPage(browser);
    await signInAs(page, 'vera', '/console/clients');
    await page.getByRole('heading', { level: 1, name: 'Clients' }).waitFor();
    expect(await page.getByRole('button', { name: /New client/ }).count()).toBe(0);
  });

  it('tells who has no role that they have none, and asks nothing of them but a key', async () => {
    const { page, troubles } = await openPage(browser);
    await signInAs(page, 'nobody');
    await page.getByRole('alert').getByText('have no role in Tempost').waitFor();
    expect(page.url()).toBe(`${api.url}/console`);
    expect(await axeFaults(page)).toEqual([]);
    await page.getByLabel('API key').fill(operator.key);
    await page.getByRole('button', { name: 'Sign in with the key' }).click();
    await page.getByRole('heading', { level: 1, name: 'Now' }).waitFor();
    expect(troubles).toEqual([]);
  });

  it('is refused where another page has begun it', async () => {
    const { page } = await openPage(browser);
    await page.goto(`${api.url}/api/session/open-id/callback?code=stolen&state=stolen`);
    await page.getByText('That sign-in was not finished, or is too old.').waitFor();
  });

  it('shows a page that keeps to WCAG AA, and that the keyboard goes through', async () => {
    const { page } = await openPage(browser, 360, 'dark');
    await page.goto(`${api.url}/console`);
    const link = page.getByRole('link', { name: /^Sign in with 127/ });
    await link.waitFor();
    expect(await axeFaults(page)).toEqual([]);
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(360);
    await page.keyboard.press('Tab');
    expect(await link.evaluate((element) => element === element.ownerDocument.activeElement)).toBe(true);
    await page.keyboard.press('Enter');
    await page.locator('input[name=login]').waitFor();
  });

  it('says that the identity provider is down, and keys sign in all the same', async () => {
    await provider.stop();
    const { page } = await openPage(browser);
    await until('the page says so', async () => {
      // Until what it said of itself a moment ago is forgotten, browsers are led there.
      await page.goto(`${api.url}/api/session/open-id`).catch(() => {});
      const isBack = page.url() === `${api.url}/console`;
      return isBack && (await page.getByText('The identity provider cannot be reached now.').isVisible());
    });
    await page.getByLabel('API key').fill(operator.key);
    await page.getByRole('button', { name: 'Sign in with the key' }).click();
    await page.getByRole('heading', { level: 1, name: 'Now' }).waitFor();
  });
});
