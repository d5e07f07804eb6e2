import { sql } from 'kysely';
import type { Page } from 'playwright-core';
import { expect, it } from 'vitest';
import type { Db } from '../../../src/postgres/database.js';
import { ensurePartitions, uuidFloor } from '../../../src/postgres/partitions.js';
import { insertClient } from '../database.js';
import { insertDeadEmails } from '../operators/jobs.js';
import { patient } from '../patience.js';
import { until } from '../until.js';
import type { ConsoleUnderTest } from './acts.js';

/** Waits until the job whose page is open is over. */
async function isOver(page: Page, kind: string, count: number): Promise<void> {
  await page.getByRole('heading', { level: 1, name: kind }).waitFor();
  await page.getByRole('heading', { name: `${count} of ${count}` }).waitFor({ timeout: patient(60_000) });
  await page.getByText('done', { exact: true }).first().waitFor();
}

/** Dead letters that are a group of their own by their code. @returns their client. */
async function deadOf(db: Db, code: string, count: number): Promise<string> {
  const { id: clientId } = await insertClient(db);
  await insertDeadEmails(db, { clientId, count, code });
  return clientId;
}

/** What is done to a group of dead letters, from the button to what the record says when the job is over. */
export function testGroups({ system, signedIn, at }: ConsoleUnderTest): void {
  it('retries dead letters to a corrected domain; Enter begins nothing before the dry run is of what was typed', async () => {
    const { db } = system().database;
    const clientId = await deadOf(db, 'http_451', 2);
    const { page } = await signedIn();
    await page.goto(at('/dead-letters'));
    await page.getByRole('button', { name: /^Retry all: .*http_451/ }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByText('2 e-mails').waitFor();
    await dialog.getByLabel('Why').fill('a mistyped domain');
    const wrong = dialog.getByLabel('Only those to the domain');
    await wrong.fill('other.example.org');
    await wrong.press('Enter');
    await dialog.getByRole('alert').getByText('look again').waitFor();
    await dialog.getByText('0 e-mails').waitFor();
    expect(await dialog.getByRole('button', { name: 'Retry them' }).isDisabled()).toBe(true);
    await wrong.fill('example.org');
    await wrong.press('Tab');
    await dialog.getByText('2 e-mails').waitFor();
    expect(await db.selectFrom('jobs').select('id').where('reason', '=', 'a mistyped domain').execute()).toEqual([]);
    const right = dialog.getByLabel('Corrected domain');
    await right.fill('example.net');
    await right.press('Enter');
    await isOver(page, 'retry', 2);
    const emails = await db
      .selectFrom('emails')
      .select(['receiver_address', 'generation'])
      .where('client_id', '=', clientId)
      .execute();
    const corrected = { receiver_address: 'reader@example.net', generation: 2 };
    expect(emails).toEqual([corrected, corrected]);
  });

  it('discards dead letters by a job, which is followed to its end', async () => {
    const { db } = system().database;
    const clientId = await deadOf(db, 'http_452', 3);
    const { page } = await signedIn();
    await page.goto(at('/dead-letters'));
    await page.getByRole('button', { name: /^Discard all: .*http_452/ }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByText('3 e-mails').waitFor();
    await dialog.getByLabel('Why').fill('nobody waits for them');
    await dialog.getByRole('button', { name: 'Discard them' }).click();
    await isOver(page, 'discard', 3);
    const dead = await db.selectFrom('dead_emails').select('resolution').where('client_id', '=', clientId).execute();
    expect(dead.map(({ resolution }) => resolution)).toEqual(['discarded', 'discarded', 'discarded']);
    await page.getByRole('link', { name: 'Dead letters' }).click();
    await page.getByRole('heading', { level: 1, name: 'Dead letters' }).waitFor();
    await page.getByText('http_452').waitFor({ state: 'detached' });
  });
}

/** What counts do to the list of screens. */
export function testCounts({ system, signedIn, at }: ConsoleUnderTest): void {
  it('keeps the name of the screen in view at 360 px when a count before it comes', async () => {
    await deadOf(system().database.db, 'http_453', 1);
    const { page } = await signedIn(360);
    await page.goto(at('/data'));
    const screens = page.getByRole('navigation', { name: 'Screens' });
    await screens.locator('.count').waitFor({ state: 'attached' });
    const here = screens.getByRole('link', { name: 'Data' });
    await until('the whole name is in view', async () => {
      const { x, width } = (await here.boundingBox())!;
      return x >= 0 && x + width <= 360;
    });
  });

  it('leaves the page where it was scrolled when counts come', async () => {
    await deadOf(system().database.db, 'http_454', 1);
    const { page } = await signedIn(360);
    await page.route('**/api/admin/stream', (route) => route.abort());
    await page.goto(at('/data'));
    const screens = page.getByRole('navigation', { name: 'Screens' });
    await page.getByRole('heading', { name: 'A month' }).waitFor();
    await page.setViewportSize({ width: 360, height: 300 });
    await page.evaluate('window.scrollTo(0, document.body.scrollHeight)');
    const scrolledTo = await page.evaluate('window.scrollY');
    expect(await screens.evaluate((list) => list.getBoundingClientRect().bottom)).toBeLessThan(0);
    await page.unroute('**/api/admin/stream');
    await screens.locator('.count').waitFor({ state: 'attached' });
    await page.evaluate('new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))');
    expect(await page.evaluate('window.scrollY')).toBe(scrolledTo);
  });
}

/** Jobs of the screens of jobs and data, likewise. */
export function testJobs({ system, signedIn, at }: ConsoleUnderTest): void {
  it.each([
    ['cancel', 'Cancel them', ['cancelled']],
    ['reroute', 'Reroute them', ['queued', 'scheduled']],
  ] as const)('begins a job to %s what waits, and follows it to its end', async (kind, verb, statuses) => {
    const { stack, database } = system();
    const tags = `to-${kind}`;
    const send_at = new Date(Date.now() + 3_600_000).toISOString();
    const ids = [await stack.submit({ send_at, ...{ tags } }), await stack.submit({ send_at, ...{ tags } })];
    const { page } = await signedIn();
    await page.goto(at('/jobs'));
    await page.getByLabel('What', { exact: true }).selectOption(kind);
    await page.getByLabel('Tag').fill(tags);
    await page.getByLabel('Through').selectOption('mandrill');
    await page.getByRole('button', { name: 'See what it would do…' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByText('2 e-mails').waitFor();
    await dialog.getByLabel('Why').fill(`a job to ${kind}`);
    if (kind === 'cancel') await dialog.getByLabel('to confirm').fill('2');
    await dialog.getByRole('button', { name: verb }).click();
    await isOver(page, kind, 2);
    for (const id of ids) await stack.reaches(id, statuses);
    if (kind === 'reroute') {
      const rows = await database.db.selectFrom('emails').select('only_provider').where('id', 'in', ids).execute();
      expect(rows.map(({ only_provider }) => only_provider)).toEqual(['mandrill', 'mandrill']);
    }
  });

  it('drops a month that is over by a job, which is followed to its end; nothing of the month is left', async () => {
    const { db } = system().database;
    const now = new Date();
    const month = new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - 3, 1));
    await ensurePartitions(db, month);
    const { id: clientId } = await insertClient(db);
    await sql`insert into emails (id, client_id, priority, sender, receiver, receiver_address, subject, content,
        content_type, status, created_at, due_at, deadline_at)
      values (${uuidFloor(month)}, ${clientId}, 'low', 'sender@example.com', 'reader@example.org',
        'reader@example.org', 'Subject', 'Content', 'text/plain', 'sent', ${month}, ${month}, ${month})`.execute(db);
    const name = month.toISOString().slice(0, 7).replace('-', '');
    const { page } = await signedIn();
    await page.goto(at('/data'));
    await page.getByLabel('Year and month').fill(name);
    await page.getByRole('button', { name: 'Drop…' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByText(/About \d+ e-mails?/).waitFor();
    await dialog.getByLabel('Why').fill('older than we keep');
    await dialog.getByLabel('to confirm').fill(name);
    await dialog.getByRole('button', { name: 'Drop it' }).click();
    await page.getByRole('heading', { level: 1, name: 'drop month' }).waitFor();
    await page.getByText('done', { exact: true }).first().waitFor();
    const { rows } = await sql`select from pg_class where relname = ${`emails_${name}`}`.execute(db);
    expect(rows).toHaveLength(0);
  });
}
