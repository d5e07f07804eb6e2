import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../test/support/database.js';
import { insertQueuedEmail } from '../../test/support/emails.js';
import { scriptWorkflows, start } from '../../test/support/servers/scripted-workflows.js';
import type { ActivityDependencies } from '../activities/dependencies.js';
import { createLoadPlan } from '../activities/load-plan.js';
import { loadConfig } from '../config.js';
import { SHIPPED_STATUSES } from '../domain/emails/statuses.js';

scriptWorkflows();

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

/** The plan of an e-mail of the real record. */
async function planOf(trackOpens: boolean | null) {
  const id = await insertQueuedEmail(database.db, { state: 'in_flight' });
  await database.db.updateTable('emails').set({ track_opens: trackOpens }).where('id', '=', id).execute();
  const config = loadConfig({
    ...{ DATABASE_URL: database.url, PROVIDERS: 'smtp', SMTP_URL: 'smtp://127.0.0.1:9', STORAGE_DIR: '/nowhere' },
  });
  const dependencies = { db: database.db, config, catalogue: SHIPPED_STATUSES };
  return { config, plan: await createLoadPlan(dependencies as unknown as ActivityDependencies)(id) };
}

describe('the workflow of an e-mail whose opens are not tracked', () => {
  it('ends at its delivery: nobody would tell of an open', async () => {
    const { plan } = await planOf(false);
    const { handle, signal, calls } = await start({ plan });
    await signal('delivered');
    expect(await handle.result()).toBe('delivered');
    expect(calls).toEqual(['send smtp']);
  });

  it('waits for the whole window where they are tracked', async () => {
    const { config, plan } = await planOf(null);
    expect(plan.openWindowMs).toBe(config.openWindowMs);
    const { handle, signal } = await start({ plan });
    await signal('delivered');
    await expect.poll(() => handle.query('status')).toBe('awaiting open');
    await handle.terminate('the test is over');
  });
});
