import type { Page } from 'playwright-core';
import { expect, it } from 'vitest';
import { insertClient } from '../database.js';
import { insertDeadEmails } from '../operators/jobs.js';
import type { ConsoleUnderTest } from './acts.js';

/** Where dialogs are, the button that opens each, and how many fields and buttons it has at least. */
const DIALOGS: readonly (readonly [screen: string, button: string | RegExp, least: number])[] = [
  ['', 'Pause low', 3],
  ['', 'Hold mail…', 9],
  ['', 'Pause everything…', 3],
  ['/dead-letters', /^Retry all: .*http_407/, 5],
  ['/dead-letters', /^Discard all: .*http_407/, 3],
  ['/providers', 'Switch…', 4],
  ['/providers', 'Limits…', 5],
  ['/clients', /^New client/, 3],
  ['/suppressions', /…$/, 3],
];

/** Without a mouse. */
export function testKeyboard({ system, signedIn, at }: ConsoleUnderTest): void {
  it('leads by keyboard into each dialog, through it, and back to where it was opened', async () => {
    const { db } = system().database;
    const { id: clientId } = await insertClient(db);
    await insertDeadEmails(db, { clientId, count: 1, code: 'http_407' });
    const { page, troubles } = await signedIn();
    for (const [screen, name, least] of DIALOGS) {
      await page.goto(at(screen));
      const button = page.getByRole('button', { name }).first();
      await button.waitFor();
      await button.focus();
      await page.keyboard.press('Enter');
      const dialog = page.getByRole('dialog');
      await dialog.waitFor();
      await dialog.getByText('Loading…').waitFor({ state: 'detached' });
      const seen = await walk(page);
      expect(seen.size, `${screen} ${name}: ${[...seen].join(', ')}`).toBeGreaterThanOrEqual(least);
      await page.keyboard.press('Escape');
      await dialog.waitFor({ state: 'detached' });
      expect(await button.evaluate((element) => element === element.ownerDocument.activeElement), screen).toBe(true);
    }
    expect(troubles).toEqual([]);
  });

  it('pauses and resumes by keyboard alone', async () => {
    const { page } = await signedIn();
    await page.getByRole('button', { name: 'Pause medium' }).focus();
    await page.keyboard.press('Enter');
    await page.getByRole('dialog').waitFor();
    await tabTo(page, 'reason');
    await page.keyboard.type('without a mouse');
    await page.keyboard.press('Enter');
    await page.getByText(/Paused by .*without a mouse/).waitFor();
    await page.getByRole('button', { name: 'Resume medium' }).focus();
    await page.keyboard.press('Enter');
    await page.getByRole('dialog').waitFor();
    await tabTo(page, 'Resume');
    await page.keyboard.press('Space');
    await page.getByRole('button', { name: 'Pause medium' }).waitFor();
  });
}

/** What has the focus: its name; where it is no part of the open dialog, that; whether one sees that it has it. */
const FOCUSED = `(() => {
  const element = document.activeElement;
  if (!element || element === document.body) return { name: '', isInside: true, isSeen: true };
  const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(element);
  return {
    name: element.getAttribute('name') || element.getAttribute('aria-label') || element.textContent.trim(),
    isInside: element.closest('dialog[open]') !== null,
    isSeen: (outlineStyle !== 'none' && outlineWidth !== '0px') || boxShadow !== 'none',
  };
})()`;

interface Focused {
  readonly name: string;
  readonly isInside: boolean;
  readonly isSeen: boolean;
}

const focused = async (page: Page) => (await page.evaluate(FOCUSED)) as Focused;

const MOST_TABS = 20;

/** Goes through a dialog by Tab, once around. @returns the names of all that had the focus. */
async function walk(page: Page): Promise<Set<string>> {
  const names = new Set<string>();
  for (let tabs = 0; tabs < MOST_TABS; tabs++) {
    const { name, isInside, isSeen } = await focused(page);
    // Between the last and the first the browser itself has it.
    if (name !== '') {
      expect([name, isInside, isSeen]).toEqual([name, true, true]);
      names.add(name);
    }
    await page.keyboard.press('Tab');
  }
  return names;
}

async function tabTo(page: Page, name: string): Promise<void> {
  for (let tabs = 0; tabs < MOST_TABS; tabs++) {
    if ((await focused(page)).name === name) return;
    await page.keyboard.press('Tab');
  }
  throw new Error(`Tab does not lead to ${name}`);
}
