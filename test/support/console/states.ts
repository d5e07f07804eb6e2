import { sql } from 'kysely';
import { expect, it } from 'vitest';
import { insertClient } from '../database.js';
import { insertDeadEmails } from '../operators/jobs.js';
import { until } from '../until.js';
import type { ConsoleUnderTest } from './acts.js';
import { axeFaults } from './browser.js';

/** What it shows when not all is well. */
export function testStates({ system, signedIn, at }: ConsoleUnderTest): void {
  it('names each fleet, and marks a process that is frozen', async () => {
    await system()
      .database.db.insertInto('process_heartbeats')
      .values({
        id: sql<string>`gen_random_uuid()`,
        ...({ process: 'worker', priority: 'low', host: 'frozen.example.org', pid: 4711, version: '0.0.9' } as const),
        started_at: sql<Date>`now() - interval '1 hour'`,
        beat_at: sql<Date>`now() - interval '5 minutes'`,
        ...{ polling: true, slots_used: 3, slots: 40 },
      })
      .execute();
    const { page } = await signedIn();
    const fleet = page.getByRole('row', { name: /^worker, low/ });
    await fleet.getByText('1 silent').waitFor();
    await page
      .getByRole('row', { name: /^worker, critical/ })
      .getByText('running')
      .waitFor();
    await page.getByRole('button', { name: 'Each of them' }).click();
    await page
      .getByRole('row', { name: /frozen\.example\.org, pid 4711/ })
      .getByText(/silent for 5 min/)
      .waitFor();
    expect(await axeFaults(page)).toEqual([]);
  });

  it('says where mail goes while a provider takes nothing, and neither way when all sending is paused', async () => {
    const { db } = system().database;
    const setProvider = (forced: 'open' | null) =>
      db.updateTable('provider_controls').set({ forced }).where('provider', '=', 'mailgun').execute();
    const pauseAll = (paused_at: Date | null) => db.updateTable('queue_controls').set({ paused_at }).execute();
    try {
      await setProvider('open');
      const { page } = await signedIn();
      const banner = page.getByText('mailgun takes nothing.').locator('..');
      await banner.getByText('Mail goes through the others.').waitFor();
      await pauseAll(new Date());
      await page.getByText('All sending is paused.').waitFor();
      expect(await banner.textContent()).not.toMatch(/Mail goes|Single e-mails/);
    } finally {
      await pauseAll(null);
      await setProvider(null);
    }
  });

  it('says on every screen that the api cannot be reached, greys what it showed, and goes on when it answers', async () => {
    const { page } = await signedIn();
    for (const screen of ['', '/audit']) {
      await page.goto(at(screen));
      await page.getByRole('heading', { level: 1 }).waitFor();
      await page.context().setOffline(true);
      await page.getByText('The api cannot be reached.').waitFor();
      expect(await page.locator('.is-stale').count()).toBe(1);
      await page.getByRole('heading', { level: 1 }).waitFor();
      expect(await axeFaults(page)).toEqual([]);
      await page.context().setOffline(false);
      await page.getByText('The api cannot be reached.').waitFor({ state: 'detached' });
      expect(await page.locator('.is-stale').count()).toBe(0);
    }
  });
}

/** Whether it keeps its shape. */
export function testShape({ system, signedIn }: ConsoleUnderTest): void {
  it('moves nothing when numbers change', async () => {
    const { page } = await signedIn();
    await page.getByText('Live', { exact: true }).waitFor();
    await page.evaluate(`window.moved = []; new PerformanceObserver((list) => {
      for (const { value, sources } of list.getEntries()) {
        window.moved.push({ value, what: sources.map(({ node }) => (node?.outerHTML ?? '').slice(0, 200)) });
      }
    }).observe({ type: 'layout-shift' })`);
    const ids = await Promise.all(
      Array.from({ length: 12 }, (_, n) => system().stack.submit({ receiver: `shift-${n}@example.org` })),
    );
    for (const id of ids) await system().stack.isDelivered(id);
    const shown = () => page.locator('.page-head time').textContent();
    const first = await shown();
    await until('another sample is shown', async () => (await shown()) !== first);
    // Of the whole window's area and height: a word that grows by a digit is a hundred-thousandth.
    const moved = (await page.evaluate('window.moved')) as { readonly value: number; readonly what: string[] }[];
    const all = moved.reduce((sum, { value }) => sum + value, 0);
    expect(all, JSON.stringify(moved)).toBeLessThan(0.0001);
  });
}

/** Screens of one thing, as wide as a desk and as narrow as a telephone. */
export function testItemScreens({ system, signedIn, at }: ConsoleUnderTest): void {
  it.each([1_400, 360])('keeps to WCAG AA on the screens of one thing, at %i px', async (width) => {
    const { stack, database } = system();
    const id = await stack.submit({ receiver: 'one.thing@example.org' });
    const client = await insertClient(database.db);
    await insertDeadEmails(database.db, { clientId: client.id, count: 3 });
    const answer = await fetch(`${stack.api}/api/admin/jobs`, {
      method: 'POST',
      headers: { authorization: `Bearer ${stack.key}`, 'content-type': 'application/json' },
      body: JSON.stringify({ kind: 'retry', filter: { client: client.id }, reason: 'a test' }),
    });
    const { job } = (await answer.json()) as { job: { id: string } };
    const { page } = await signedIn(width);
    for (const path of [`/emails/${id}`, `/clients/${client.id}`, `/jobs/${job.id}`]) {
      await page.goto(at(path));
      await page.getByRole('heading', { level: 1 }).waitFor();
      await until(`${path} has loaded`, async () => (await page.getByText('Loading…').count()) === 0);
      expect(await axeFaults(page), path).toEqual([]);
      expect(Number(await page.evaluate('document.documentElement.scrollWidth')), path).toBeLessThanOrEqual(width);
    }
  });
}
