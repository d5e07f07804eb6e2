import { createServer } from 'node:http';
import { sql } from 'kysely';
import type { BrowserContext, Page } from 'playwright-core';
import { expect, it } from 'vitest';
import { insertClient } from '../database.js';
import { insertDeadEmails } from '../operators/jobs.js';
import { until } from '../until.js';
import { mailgunBody, mailgunEvent, mailgunSignature, postMailgun } from '../webhooks.js';
import type { ConsoleUnderTest } from './acts.js';

/** What would run if it were taken for markup anywhere. */
export const XSS = `"><img src=x onerror="alert(1)"><script>alert(2)</script>`;
/** The same as a name before an address. */
const NAMED_XSS = '<img src=x onerror=alert(3)>';

/** That nothing of what strangers wrote has become an element. */
export async function expectNoMarkup(page: Page): Promise<void> {
  const made = `document.querySelectorAll('main img, main script, script:not([src]), iframe:not([sandbox])').length`;
  expect(await page.evaluate(made), page.url()).toBe(0);
}

/** What strangers, providers and operators write, where it is shown. */
export function testStoredMarkup({ system, signedIn, at }: ConsoleUnderTest): void {
  it('shows what providers, senders and operators write as text, on each screen that shows it', async () => {
    const { stack, database } = system();
    const id = await stack.submit({
      sender: `"${NAMED_XSS}" <shop@example.com>`,
      receiver: 'markup@example.org',
      ...({ headers: JSON.stringify({ 'X-Note': XSS }) } as object),
    });
    await stack.isDelivered(id);
    await tellOfMailgun(stack.webhooks, { id }, { 'delivery-status': { code: 450, message: XSS, description: XSS } });
    // Of an e-mail that nobody knows: what a provider may name so is not ours to say.
    await sql`insert into unmatched_webhooks (provider, reason, body, event, provider_message_id)
      values ('mailgun', 'unknown_email', '{}', ${JSON.stringify({ type: XSS })}, ${XSS})`.execute(database.db);
    const client = await insertClient(database.db, { name: `dead ${XSS}` });
    await insertDeadEmails(database.db, { clientId: client.id, count: 1, code: XSS });
    const { page, troubles } = await signedIn();
    await act(page, '/api/admin/queues/low/pause', { reason: XSS });

    const shows = async (path: string, ...opened: (string | RegExp)[]) => {
      await page.goto(at(path));
      for (const name of opened) await page.getByRole('button', { name }).first().click();
      await page.getByText('onerror').filter({ visible: true }).first().waitFor();
      await expectNoMarkup(page);
    };
    await until('what Mailgun says is among the events', async () =>
      JSON.stringify(await stack.email(id)).includes('alert(2)'),
    );
    await shows(`/emails/${id}`);
    for (const text of [NAMED_XSS, XSS]) await page.getByText(text).filter({ visible: true }).first().waitFor();
    await shows(`/emails/${id}`, 'Raw events');
    await shows('/dead-letters', /^Show: .*onerror/);
    await shows('/dead-letters', /^Retry all: .*onerror/);
    await shows('/unmatched');
    await shows('/audit');
    await shows('/clients');
    await shows('');
    await act(page, '/api/admin/queues/low/resume', {});
    expect(troubles).toEqual([]);
  });
}

/** Has Mailgun tell of a delay, as the sandbox's account signs it. */
async function tellOfMailgun(webhooks: string, email: { id: string }, fields: Record<string, unknown>): Promise<void> {
  const event = mailgunEvent(email, 'failed', { severity: 'temporary', reason: XSS, ...fields });
  const signature = mailgunSignature({ key: 'sandbox-signing-key' });
  const answer = await postMailgun(webhooks, mailgunBody(event, signature));
  expect(answer.status, await answer.text()).toBe(200);
}

/** Does something as whoever is signed in, past the screens. */
async function act(page: Page, path: string, body: object): Promise<void> {
  const asked = `fetch('${path}', { method: 'POST', headers: { 'content-type': 'application/json' },
    body: ${JSON.stringify(JSON.stringify(body))} }).then(({ status }) => status)`;
  expect(await page.evaluate(asked)).toBe(200);
}

const COOKIE = 'tempost_session';
const sessionOf = async (context: BrowserContext) =>
  (await context.cookies()).find(({ name }) => name === COOKIE)?.value;

/** Sessions that somebody else knows, or would use. */
export function testSessions({ system, at, fresh }: ConsoleUnderTest): void {
  it('begins a session of its own whatever session a browser was given before; one that is over is nobody’s', async () => {
    const { stack } = system();
    const plant = async (context: BrowserContext, value: string) =>
      context.addCookies([
        { name: COOKIE, value, domain: new URL(stack.api).hostname, path: '/api', httpOnly: true, sameSite: 'Strict' },
      ]);
    const { page } = await fresh();
    await plant(page.context(), 'chosen-by-somebody-else');
    await page.goto(at(''));
    await page.getByLabel('API key').fill(stack.key);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('heading', { level: 1, name: 'Now' }).waitFor();
    const session = await sessionOf(page.context());
    expect(session).toMatch(/^[\w-]{40,}$/);
    for (const token of ['chosen-by-somebody-else', session!]) {
      const { page: theirs } = await fresh();
      await plant(theirs.context(), token);
      if (token === session) {
        await page.getByRole('button', { name: 'Sign out' }).click();
        await page.getByRole('heading', { name: 'Sign in' }).waitFor();
      }
      await theirs.goto(at(''));
      await theirs.getByRole('heading', { name: 'Sign in' }).waitFor();
    }
  });
}

/** What other sites' pages try, and addresses that are handed to somebody. */
export function testOtherSites({ system, signedIn, fresh }: ConsoleUnderTest): void {
  it('does nothing for a page of another site', async () => {
    const { stack, database } = system();
    const { page } = await signedIn();
    const other = await serveAttack(`${stack.api}/api/admin/queues/low/pause`);
    const statuses: number[] = [];
    page.context().on('response', (response) => {
      if (response.url().endsWith('/pause')) statuses.push(response.status());
    });
    const theirs = await page.context().newPage();
    // The api is at 127.0.0.1: to a browser this is another site, to which it does not send the session.
    await theirs.goto(`http://localhost:${other.port}/`);
    await until('all of it was tried', () => statuses.length === 3);
    other.close();
    for (const status of statuses) expect([401, 403]).toContain(status);
    const { paused_at } = await database.db
      .selectFrom('queue_controls')
      .select('paused_at')
      .where('priority', '=', 'low')
      .executeTakeFirstOrThrow();
    expect(paused_at).toBeNull();
  });

  it.each([
    '/console/sign-in?return_to=https://evil.example.com/',
    '/console/sign-in?return_to=//evil.example.com/',
    '/console//evil.example.com',
    '/console/https:%2F%2Fevil.example.com',
    '/console/%5C%5Cevil.example.com',
  ])('stays at its own address after signing in at %s', async (path) => {
    const { stack } = system();
    const { page } = await fresh();
    const elsewhere: string[] = [];
    page.on('request', (request) => {
      if (new URL(request.url()).origin !== stack.api && !request.url().startsWith('data:'))
        elsewhere.push(request.url());
    });
    await page.goto(`${stack.api}${path}`);
    const key = page.getByLabel('API key');
    if (await isShown(page)) {
      await key.fill(stack.key);
      await page.getByRole('button', { name: 'Sign in' }).click();
      await page.getByRole('button', { name: 'Sign out' }).waitFor();
    }
    expect([new URL(page.url()).origin, elsewhere]).toEqual([stack.api, []]);
  });
}

/** Whether it is the console at all: some of these addresses are none of it, and answer so. */
async function isShown(page: Page): Promise<boolean> {
  if ((await page.locator('#root').count()) === 0) return false;
  await page.getByLabel('API key').waitFor();
  return true;
}

/** A page of somebody else's that tries a request by a script, in both ways in which no leave is asked, and by a form. */
async function serveAttack(target: string): Promise<{ readonly port: number; close(): void }> {
  const page = `<!doctype html><form method="post" enctype="text/plain" action="${target}">
    <input name='{"reason":"' value='theirs"}'></form><script>
    const body = '{"reason":"theirs"}';
    const types = ['text/plain', 'application/x-www-form-urlencoded'];
    const tries = types.map((type) => fetch('${target}', { method: 'POST', mode: 'no-cors', credentials: 'include',
      headers: { 'content-type': type }, body }).catch(() => {}));
    Promise.all(tries).then(() => document.forms[0].submit());</script>`;
  const server = createServer((_, answer) => void answer.setHeader('content-type', 'text/html').end(page));
  await new Promise<void>((resolve) => server.listen(0, resolve));
  return { port: (server.address() as { port: number }).port, close: () => void server.close() };
}
