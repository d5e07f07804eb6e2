import { setTimeout as delay } from 'node:timers/promises';
import type { Browser, BrowserContext } from 'playwright-core';
import { openBrowser, openPage, signIn } from '../../test/support/console/browser.js';
import { patient } from '../../test/support/patience.js';
import type { Stack } from '../../test/support/stack.js';
import { addWaiting, analyse, pause } from '../backlog.js';
import { quantile, short, table } from '../harness/figures.js';
import { listStatements, resetStatements } from '../harness/statements.js';
import type { World } from '../harness/world.js';
import { fillOnce } from '../search/filled.js';

/** Two that follow each other are so far apart, so that the api has looked anew. */
const APART_MS = 2_500;

/** One opening of the first screen, in milliseconds since the browser began to go there. */
interface Opening {
  /** The first thing that was painted. */
  readonly paintMs: number;
  /** The numbers of Now are there. */
  readonly numbersMs: number;
}

interface Openings {
  readonly name: string;
  readonly count: number;
  readonly paintMs: Spread;
  readonly numbersMs: Spread;
}

interface Spread {
  readonly median: number;
  readonly worst: number;
}

export interface PaintResult {
  readonly emails: number;
  readonly waiting: number;
  readonly openings: readonly Openings[];
  /** Statements of a look that took longest, milliseconds each. */
  readonly looks: readonly { readonly ms: number; readonly statement: string }[];
}

/** Opens Now again and again, in a browser that is signed in, while many wait and many more are in the record. */
export async function benchPaint(
  world: World,
  { emails, waiting, rounds }: { readonly emails: number; readonly waiting: number; readonly rounds: number },
): Promise<PaintResult> {
  await fillOnce(world.url, emails);
  await fillCounters(world);
  const stack = await world.startStack();
  for (const priority of ['low', 'medium'] as const) {
    await pause(world, priority);
    await addWaiting(world, { priority, count: waiting / 2, dueInS: -1 });
  }
  await analyse(world);
  const browser = world.own(await openBrowser(), (it) => it.close());
  const { page } = await openPage(browser);
  await signIn(page, stack);
  const signedIn = page.context();
  await page.close();
  await resetStatements(world.server);
  const first = await openOften(rounds, () => openFresh(browser, signedIn, stack));
  const again = await openOften(rounds, () => open(signedIn, stack));
  const [{ there }] = (await world.query<{ there: number }>(
    `select count(*)::int as there from email_queue where state = 'waiting'`,
  )) as [{ there: number }];
  return {
    ...{ emails, waiting: there },
    openings: [spreadOf('nothing of it is kept', first), spreadOf('its files are kept', again)],
    looks: await slowest(world),
  };
}

/** What of a month with that much mail is counted by the hour, of twenty clients. */
async function fillCounters(world: World): Promise<void> {
  await world.query(`insert into service_levels
    select hour, priority, id, shard, 20, 0, 0, 0, 0, 0, 0 from bench_clients,
      unnest('{critical,medium,low}'::text[]) as priority, generate_series(0, 15) as shard,
      generate_series(date_trunc('hour', now()) - interval '29 days', date_trunc('hour', now()), '1 hour') as hour
    on conflict do nothing`);
  await world.query(`insert into client_usage (client_id, priority, day, accepted)
    select id, priority, day, 5000 from bench_clients, unnest('{critical,medium,low}'::text[]) as priority,
      generate_series(current_date - 29, current_date, '1 day') as day on conflict do nothing`);
}

async function openOften(rounds: number, openOnce: () => Promise<Opening>): Promise<Opening[]> {
  const openings: Opening[] = [];
  for (let round = 0; round < rounds; round++) {
    openings.push(await openOnce());
    await delay(APART_MS);
  }
  return openings;
}

/** In a browser that has the session, and keeps nothing of the console yet. */
async function openFresh(browser: Browser, signedIn: BrowserContext, stack: Stack): Promise<Opening> {
  const context = await browser.newContext({ storageState: await signedIn.storageState() });
  context.setDefaultTimeout(patient(20_000));
  try {
    return await open(context, stack);
  } finally {
    await context.close();
  }
}

async function open(context: BrowserContext, { api }: Stack): Promise<Opening> {
  const page = await context.newPage();
  try {
    await page.addInitScript(`new MutationObserver((_, observer) => {
      if (!document.querySelector('h1')) return;
      observer.disconnect();
      requestAnimationFrame(() => { window.numbersMs = performance.now(); });
    }).observe(document, { childList: true, subtree: true })`);
    await page.goto(`${api}/console`);
    await page.getByRole('heading', { level: 1, name: 'Now' }).waitFor();
    return JSON.parse(
      await page.waitForFunction(NUMBERS).then(async (handle) => String(await handle.jsonValue())),
    ) as Opening;
  } finally {
    await page.close();
  }
}

/** Empty until both have happened. */
const NUMBERS = `(() => {
  const [paint] = performance.getEntriesByName('first-contentful-paint');
  return paint && window.numbersMs ? JSON.stringify({ paintMs: paint.startTime, numbersMs: window.numbersMs }) : '';
})()`;

function spreadOf(name: string, openings: readonly Opening[]): Openings {
  const spread = (of: (opening: Opening) => number): Spread => {
    const values = openings.map(of);
    return { median: quantile(values, 0.5), worst: Math.max(...values) };
  };
  return {
    ...{ name, count: openings.length },
    paintMs: spread(({ paintMs }) => paintMs),
    numbersMs: spread(({ numbersMs }) => numbersMs),
  };
}

/** Of everything that the system asked meanwhile. */
async function slowest({ server, url }: World): Promise<PaintResult['looks']> {
  const kinds = await listStatements(server, new URL(url).pathname.slice(1));
  return kinds
    .map(({ query, executionMs, calls }) => ({ ms: executionMs / calls, statement: query.replace(/\s+/g, ' ') }))
    .sort((a, b) => b.ms - a.ms)
    .slice(0, 5);
}

/** @returns the figures as tables. */
export function paintTable({ openings, looks }: PaintResult): string {
  const ways = table([
    ['', 'openings', 'first paint, ms', 'worst', 'numbers, ms', 'worst'],
    ...openings.map(({ name, count, paintMs, numbersMs }) => [
      name,
      ...[count, paintMs.median, paintMs.worst, numbersMs.median, numbersMs.worst].map(short),
    ]),
  ]);
  const statements = looks.map(({ ms, statement }) => `${short(ms).padStart(8)} ms  ${statement.slice(0, 100)}`);
  return [ways, '', 'The statements that took longest:', ...statements].join('\n');
}
