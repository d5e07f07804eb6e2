import type { Locator, Page } from 'playwright-core';
import { expect, it } from 'vitest';
import { insertClient } from '../database.js';
import { insertDeadEmails } from '../operators/jobs.js';
import type { TestSystem } from '../system.js';
import { axeFaults } from './browser.js';

/** What the tests of a console that runs already are given. */
export interface ConsoleUnderTest {
  readonly system: () => TestSystem;
  readonly signedIn: (width?: number) => Promise<{ readonly page: Page; readonly troubles: readonly string[] }>;
  /** A page that nobody has signed in on. */
  readonly fresh: () => Promise<{ readonly page: Page; readonly troubles: readonly string[] }>;
  readonly at: (path: string) => string;
}

const HOUR_MS = 3_600_000;
const inHours = (hours: number) => new Date(Date.now() + hours * HOUR_MS).toISOString();

/** Opens a dialog, holds it against WCAG, fills it, and does what it is for. */
export async function act(page: Page, button: string | RegExp, verb: string, fill?: (dialog: Locator) => unknown) {
  await page.getByRole('button', { name: button }).first().click();
  const dialog = page.getByRole('dialog');
  await dialog.waitFor();
  expect(await axeFaults(page)).toEqual([]);
  await fill?.(dialog);
  await dialog.getByRole('button', { name: verb, exact: true }).click();
  await dialog.waitFor({ state: 'detached' });
}

async function openEmail({ signedIn, at }: ConsoleUnderTest, id: string): Promise<Page> {
  const { page } = await signedIn();
  await page.goto(at(`/emails/${id}`));
  await page.getByRole('heading', { name: 'Timeline' }).waitFor();
  return page;
}

/** One e-mail that is dead. @returns its id. */
async function deadEmail({ database: { db } }: TestSystem): Promise<string> {
  const { id: clientId } = await insertClient(db);
  await insertDeadEmails(db, { clientId, count: 1 });
  const { id } = await db.selectFrom('emails').select('id').where('client_id', '=', clientId).executeTakeFirstOrThrow();
  return id;
}

/** Acts of one e-mail, from the button to what the record says of it afterwards. */
export function testActs(console: ConsoleUnderTest): void {
  const { system } = console;
  it('reschedules an e-mail, and cancels it', async () => {
    const { stack } = system();
    const id = await stack.submit({ receiver: 'cancelled@example.org', send_at: inHours(1) });
    const page = await openEmail(console, id);
    const local = await page.evaluate(`(() => { const at = new Date(${Date.now() + 48 * HOUR_MS});
      return new Date(at - at.getTimezoneOffset() * 60000).toISOString().slice(0, 16); })()`);
    await act(page, 'Reschedule…', 'Reschedule', (dialog) => dialog.getByLabel('At (your time)').fill(String(local)));
    const { due_at } = await system()
      .database.db.selectFrom('email_queue')
      .select('due_at')
      .where('email_id', '=', id)
      .executeTakeFirstOrThrow();
    expect(due_at.getTime()).toBeGreaterThan(Date.now() + 40 * HOUR_MS);
    await act(page, 'Cancel…', 'Cancel the e-mail');
    await stack.reaches(id, ['cancelled']);
    await page.getByText('cancelled', { exact: true }).first().waitFor();
    await page.goto(console.at('/audit'));
    const row = page.getByRole('row', { name: /email\.reschedule/ }).filter({ hasText: id });
    const moment = row.locator(`time[datetime="${due_at.toISOString()}"]`);
    expect(await moment.getAttribute('title')).toBe(due_at.toISOString().replace('T', ' ').replace('Z', ' UTC'));
  });

  it('retries a dead e-mail to a corrected address, through the provider that was chosen', async () => {
    const { stack } = system();
    const id = await deadEmail(system());
    const page = await openEmail(console, id);
    await act(page, 'Retry…', 'Retry', async (dialog) => {
      await dialog.getByLabel('To another address').fill('corrected@example.org');
      await dialog.getByLabel('Through').selectOption('mandrill');
    });
    const { provider } = await stack.isDelivered(id);
    expect(provider).toBe('mandrill');
    await page.getByText('to corrected@example.org').waitFor();
    await act(page, 'Send again…', 'Send again');
    await page.waitForURL((url) => !url.href.includes(id));
    const again = new URL(page.url()).pathname.split('/').at(-1)!;
    await stack.isDelivered(again);
  });
}

/** What is done from the lists. */
export function testActsOfLists({ system, signedIn, at }: ConsoleUnderTest): void {
  it('discards a dead letter, and asks before', async () => {
    const { db } = system().database;
    const id = await deadEmail(system());
    const { page } = await signedIn();
    await page.goto(at('/dead-letters'));
    await page
      .getByRole('button', { name: /^Show: / })
      .first()
      .click();
    await act(page, /^Discard the one to/, 'Discard');
    const { resolution } = await db
      .selectFrom('dead_emails')
      .select('resolution')
      .where('email_id', '=', id)
      .executeTakeFirstOrThrow();
    expect(resolution).toBe('discarded');
  });

  it('holds mail, shows what it holds and why, and releases it', async () => {
    const { stack } = system();
    const { page } = await signedIn();
    await act(page, 'Hold mail…', 'Hold', async (dialog) => {
      await dialog.getByLabel('To the domain').fill('held.example.org');
      await dialog.getByLabel('Why').fill('their mail server burns');
    });
    const id = await stack.submit({ receiver: 'reader@held.example.org' });
    const row = page.getByRole('row', { name: /to held\.example\.org/ });
    await row.getByText('1', { exact: true }).waitFor();
    await row.getByText('their mail server burns').waitFor();
    await act(page, 'Release…', 'Release');
    await stack.isDelivered(id);
    await row.waitFor({ state: 'detached' });
  });
}
