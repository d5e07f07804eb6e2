import type { Page } from 'playwright-core';
import { expect, it } from 'vitest';
import { patient } from '../patience.js';
import type { ConsoleUnderTest } from './acts.js';

const COUNT = 8;

/** A failure from its first sign to what is written of it. */
export function testOutage({ system, signedIn }: ConsoleUnderTest): void {
  it('takes an operator through an outage: banner, breaker, switch, drain, back again, and the audit of it', async () => {
    const { stack } = system();
    const { page, troubles } = await signedIn();
    await page.getByText('Live', { exact: true }).waitFor();
    await stack.setFaults({ mailgun: { down: true } });
    const begunAt = performance.now();
    const submit = (n: number) => stack.submit({ priority: 'critical', receiver: `outage-${n}@example.org` });
    const ids = await Promise.all(Array.from({ length: COUNT }, (_, n) => submit(n)));
    const row = page.getByRole('table', { name: 'Providers' }).getByRole('row', { name: /^mailgun/ });
    await page.getByText('mailgun takes nothing').waitFor({ timeout: patient(30_000) });
    await row.getByText(/^(Open|Half open)$/).waitFor();
    const tookS = (performance.now() - begunAt) / 1_000;
    console.log(`the banner and the breaker of an outage were shown after ${tookS.toFixed(1)} s`);

    await page.getByRole('link', { name: 'Providers', exact: true }).click();
    await changeState(page, 'mailgun', 'open', 'their outage');
    await page.getByText('Forced open', { exact: true }).waitFor();
    // What had met the outage has gone the other way, and nothing is left.
    for (const id of ids) expect((await stack.isDelivered(id)).provider).toBe('mandrill');
    await page.getByRole('link', { name: 'Now' }).click();
    const critical = page.getByRole('region', { name: 'Priority critical' });
    await critical.locator('.headline b').getByText('0', { exact: true }).waitFor();
    await page.getByText('mailgun takes nothing').waitFor();

    await stack.setFaults({});
    await page.getByRole('link', { name: 'Providers', exact: true }).click();
    await changeState(page, 'mailgun', 'auto', 'it is over');
    const card = page.getByRole('region', { name: /^mailgun/ });
    await card.getByText('Forced open', { exact: true }).waitFor({ state: 'hidden' });
    await card.getByText('Closed', { exact: true }).waitFor({ timeout: patient(60_000) });
    await page.getByRole('link', { name: 'Now' }).click();
    await page.getByText('mailgun takes nothing').waitFor({ state: 'detached' });
    const again = await submit(COUNT);
    expect((await stack.isDelivered(again)).provider).toBe('mailgun');

    await page.getByRole('link', { name: 'Audit' }).click();
    const acts = page.getByRole('table', { name: 'Audit' }).getByRole('row', { name: /provider\.switch/ });
    const [back, away] = [acts.filter({ hasText: 'it is over' }), acts.filter({ hasText: 'their outage' })];
    for (const act of [back, away]) {
      await act.first().waitFor();
      expect(await act.first().textContent()).toMatch(/bootstrap.*console.*mailgun/);
    }
    expect(troubles).toEqual([]);
  });
}

async function changeState(page: Page, provider: string, state: string, reason: string): Promise<void> {
  const card = page.getByRole('region', { name: provider });
  await card.getByRole('button', { name: 'Switch…' }).click();
  await page.getByLabel('State').selectOption(state);
  await page.getByLabel('Why').fill(reason);
  await page.getByRole('button', { name: 'Switch', exact: true }).click();
  await page.getByText(`${provider} is switched.`).waitFor();
}
