// `npm run pictures`: every screen of the console of the running `npm start`, wide and narrow, light and dark, as files.
// Its data are what the system holds: `npm run seed -- 60000` beforehand makes some.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import type { Page } from 'playwright-core';
import { readAddresses } from '../src/dev/run-state.js';
import { loadEnvFile } from '../src/dev/settings.js';
import { chromiumPath, openBrowser, openPage, signIn } from '../test/support/console/browser.js';
import { until } from '../test/support/until.js';
import { root } from './dist.mjs';

const USAGE = `npm run pictures [-- --out FOLDER] [--format webp|png] [--only NAME]
  --out FOLDER   where to (default docs/images/console), a folder of it for each width and its colours
  --format       webp, or png for programs that know no webp (default webp)
  --only NAME    this picture alone, as "now"
`;

const { values } = parseArgs({
  options: {
    out: { type: 'string', default: join(root, 'docs', 'images', 'console') },
    format: { type: 'string', default: 'webp' },
    only: { type: 'string' },
  },
});

/** A screen longer than this is cut: what is below is more of the same. */
const MOST_HEIGHT = 1_600;
const LEAST_HEIGHT = 720;
/** Charts are drawn anew when their place has changed. */
const SETTLED_MS = 400;
const QUALITY = 78;
/** How a picture is made ready when its address is not enough. */
type Prepare = (page: Page) => Promise<unknown>;

const click = (name: string | RegExp) => (page: Page) => page.getByRole('button', { name }).first().click();
const follow =
  (path: string): Prepare =>
  async (page) => {
    await page.locator(`main a[href^="/console${path}"]`).first().click();
    await page.getByRole('heading', { level: 1 }).waitFor();
  };

/** Clients are listed by their names: the one that `npm start` makes comes first, and has suppressed nobody. */
const chooseLast =
  (name: string): Prepare =>
  async (page) => {
    const options = page.getByLabel(name).locator('option');
    await options.first().waitFor({ state: 'attached' });
    await page.getByLabel(name).selectOption({ index: (await options.count()) - 1 });
  };

const PICTURES: readonly (readonly [name: string, path: string, prepare?: Prepare])[] = [
  ['now', ''],
  ['pause', '', click(/^Pause everything/)],
  ['find', '/find'],
  ['email', '/find?status=opened', follow('/emails/')],
  ['dead-letters', '/dead-letters', click(/^Show: /)],
  ['dead-letters-retry', '/dead-letters', click(/^Retry all: /)],
  ['providers', '/providers'],
  ['service-levels', '/service-levels'],
  ['jobs', '/jobs'],
  ['job', '/jobs', follow('/jobs/')],
  ['audit', '/audit'],
  ['clients', '/clients'],
  ['client', '/clients', follow('/clients/')],
  ['suppressions', '/suppressions', chooseLast('Of the client')],
  ['unmatched', '/unmatched'],
  ['data', '/data'],
];

async function take(page: Page, width: number, file: string): Promise<void> {
  const needed = Number(await page.evaluate('document.documentElement.scrollHeight'));
  const height = Math.min(Math.max(needed, LEAST_HEIGHT), MOST_HEIGHT);
  // As high as the content: what sticks to the edges of the window is at the edges of the picture.
  await page.setViewportSize({ width, height });
  await page.waitForTimeout(SETTLED_MS);
  const session = await page.context().newCDPSession(page);
  const { data } = await session.send('Page.captureScreenshot', {
    format: values.format === 'png' ? 'png' : 'webp',
    ...(values.format !== 'png' && { quality: QUALITY }),
  });
  await session.detach();
  writeFileSync(file, Buffer.from(data, 'base64'));
}

async function main(): Promise<void> {
  loadEnvFile();
  const addresses = readAddresses(resolve(process.env.DATA_DIR || '.data'));
  if (!addresses) throw new Error('Nothing runs here: start it with "npm start".');
  if (!chromiumPath) throw new Error('There is no Chromium here (apt-get install chromium).');
  const browser = await openBrowser();
  try {
    for (const width of [1_400, 360]) {
      for (const colours of ['light', 'dark'] as const) {
        const folder = join(values.out, `${width}-${colours}`);
        mkdirSync(folder, { recursive: true });
        const { page } = await openPage(browser, width, colours);
        await signIn(page, { api: addresses.api, key: addresses.apiKey });
        for (const [name, path, prepare] of PICTURES.filter(([each]) => !values.only || each === values.only)) {
          await page.setViewportSize({ width, height: LEAST_HEIGHT });
          await page.goto(`${addresses.api}/console${path}`);
          await page.getByRole('heading', { level: 1 }).waitFor();
          await prepare?.(page);
          await until(`${name} has loaded`, async () => (await page.getByText('Loading…').count()) === 0);
          await page.getByText('Live', { exact: true }).waitFor({ state: width > 960 ? 'visible' : 'attached' });
          await take(page, width, join(folder, `${name}.${values.format}`));
        }
      }
    }
  } finally {
    await browser.close();
  }
}

if (values.format !== 'webp' && values.format !== 'png') {
  process.stderr.write(USAGE);
  process.exitCode = 2;
} else {
  main().catch((error: Error) => {
    process.stderr.write(`${error.message}\n`);
    process.exitCode = 1;
  });
}
