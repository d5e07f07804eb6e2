import { setTimeout as delay } from 'node:timers/promises';
import type { Page } from 'playwright-core';
import { openDatabase } from '../../src/postgres/database.js';
import { openBrowser, openPage, signIn } from '../../test/support/console/browser.js';
import { insertDeadEmails, livesOf } from '../../test/support/operators/jobs.js';
import type { Stack } from '../../test/support/stack.js';
import { pause } from '../backlog.js';
import type { World } from '../harness/world.js';
import { write } from '../results.js';

/** When the api is killed: at these parts of the whole. */
const KILLS = [0.2, 0.5, 0.8];

interface RetryResult {
  readonly emails: number;
  /** From the button to the end of the job, as the page tells it. */
  readonly jobS: number;
  /** Until a provider had all of them. */
  readonly sentS: number;
  /** How often the page was read, and how often what it showed was less than before, or more than there was. */
  readonly read: number;
  readonly wrong: number;
  readonly kills: number;
  readonly accepted: number;
  readonly twice: number;
  readonly isRight: boolean;
}

/**
 * Retries dead letters by one job that is begun in the console, kills the api three times meanwhile, and reads the
 * progress that the page shows. Nothing is sent before the job is over; then all of it is.
 */
export async function benchRetry(world: World, stack: Stack, emails: number): Promise<RetryResult> {
  const db = openDatabase({ url: world.url, poolSize: 2, name: 'bench', logger: { warn: () => {} } });
  world.own(db, (it) => it.destroy());
  await pause(world, 'low');
  const { id: clientId } = await db
    .insertInto('clients')
    .values({ name: 'bench' })
    .returning('id')
    .executeTakeFirstOrThrow();
  await insertDeadEmails(db, { clientId, count: emails });
  const browser = world.own(await openBrowser(), (it) => it.close());
  const { page } = await openPage(browser);
  await signIn(page, stack);
  const begunAt = performance.now();
  const elapsedS = () => (performance.now() - begunAt) / 1_000;
  const jobId = await beginRetry(page, stack, emails);
  const watched = await watch(page, { world, stack, jobId, emails, elapsedS });
  const jobS = elapsedS();
  const lives = await livesOf(db, clientId, jobId);
  write(`${jobS.toFixed(1)} s  the page says that it is over; lives of the e-mails: ${JSON.stringify(lives)}`);
  await world.query(`update queue_controls set paused_at = null, reason = null where priority = 'low'`);
  const accepted = await allAccepted(stack, emails, elapsedS);
  const once = new Set(accepted.map(({ email_id }) => email_id)).size;
  const [life] = lives;
  return {
    ...{ emails, jobS, sentS: elapsedS(), ...watched },
    ...{ accepted: accepted.length, twice: accepted.length - once },
    isRight:
      watched.wrong === 0 &&
      lives.length === 1 &&
      life!.generation === 2 &&
      life!.by_job === 1 &&
      Number(life!.emails) === emails &&
      accepted.length === emails &&
      once === emails,
  };
}

/** From the screen of dead letters to that of the job. @returns the job's id. */
async function beginRetry(page: Page, { api }: Stack, emails: number): Promise<string> {
  await page.goto(`${api}/console/dead-letters`);
  await page
    .getByRole('button', { name: /^Retry all: / })
    .first()
    .click();
  const dialog = page.getByRole('dialog');
  await dialog.getByText(`${emails.toLocaleString('en')} e-mails`).waitFor();
  await dialog.getByLabel('Through').selectOption('mandrill');
  await dialog.getByLabel('Why').fill('the key was wrong');
  await dialog.getByRole('button', { name: 'Retry them' }).click();
  await page.waitForURL(/\/jobs\/./);
  return new URL(page.url()).pathname.split('/').at(-1)!;
}

interface Watched {
  readonly world: World;
  readonly stack: Stack;
  readonly jobId: string;
  readonly emails: number;
  readonly elapsedS: () => number;
}

/** Reads the page until it says that the job is over, and kills the api on the way. */
async function watch(page: Page, { world, stack, jobId, emails, elapsedS }: Watched) {
  const kills = [...KILLS];
  let [before, read, wrong] = [0, 0, 0];
  for (;;) {
    const shown = await shownBy(page);
    const there = await isOver(world, jobId);
    if (shown < before || shown > there) {
      wrong += 1;
      write(`${elapsedS().toFixed(1)} s  WRONG: it shows ${shown} after ${before}; there are ${there}`);
    }
    [before, read] = [shown, read + 1];
    if (shown >= emails && (await page.getByText('done', { exact: true }).first().isVisible())) break;
    if (kills[0] !== undefined && shown >= kills[0] * emails) {
      kills.shift();
      await stack.kill('api');
      await page.getByText('The api cannot be reached.').waitFor();
      write(`${elapsedS().toFixed(1)} s  the api is killed: ${shown} of ${emails} are shown, and that it is away`);
      await stack.startProcess('api');
      await page.getByText('The api cannot be reached.').waitFor({ state: 'detached' });
    }
    await delay(250);
  }
  return { read, wrong, kills: KILLS.length - kills.length };
}

/** How many are over, as the page says. */
async function shownBy(page: Page): Promise<number> {
  const progress = page.getByRole('progressbar', { name: 'Progress of the job' });
  return Number(await progress.evaluate((element) => Reflect.get(element, 'value')));
}

/** How many are over, as the record says. */
async function isOver(world: World, jobId: string): Promise<number> {
  const [row] = await world.query<{ over: string }>(
    `select count(*) as over from job_items where job_id = $1 and state <> 'pending'`,
    [jobId],
  );
  return Number(row!.over);
}

async function allAccepted(stack: Stack, emails: number, elapsedS: () => number) {
  let told = 0;
  for (;;) {
    const accepted = await stack.acceptance();
    if (accepted.length >= emails) return accepted;
    if (accepted.length >= told + emails / 10) {
      told = accepted.length;
      write(`${elapsedS().toFixed(1)} s  a provider has ${told}`);
    }
    await delay(1_000);
  }
}

/** @returns the figures in a sentence. */
export function retrySentence(result: RetryResult): string {
  const { emails, jobS, sentS, read, wrong, kills, accepted, twice, isRight } = result;
  return (
    `${emails} dead letters were retried by one job of the console in ${jobS.toFixed(0)} s, with the api killed ` +
    `${kills} times. Its progress was read ${read} times, and wrong ${wrong} times. After ${sentS.toFixed(0)} s ` +
    `providers had ${accepted}, ${twice} of them twice: ${isRight ? 'as it has to be' : 'WRONG'}.`
  );
}
