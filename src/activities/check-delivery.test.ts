import pino from 'pino';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../test/support/database.js';
import { insertAttempts } from '../../test/support/dead.js';
import { insertQueuedEmail } from '../../test/support/emails.js';
import { SHIPPED_STATUSES } from '../domain/emails/statuses.js';
import { checkDelivery } from './check-delivery.js';
import type { ActivityDependencies } from './dependencies.js';
import { createReadEnd } from './read-end.js';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

/** No provider: nobody is asked. */
const dependencies = () =>
  ({
    db: database.db,
    catalogue: SHIPPED_STATUSES,
    providers: new Map(),
    logger: pino({ level: 'silent' }),
  }) as unknown as ActivityDependencies;

async function emailThatIs(status: string): Promise<string> {
  const id = await insertQueuedEmail(database.db, { state: 'handed_over' });
  await insertAttempts(database.db, id, [{ provider: 'mandrill', state: 'accepted' }]);
  await database.db.updateTable('emails').set({ status }).where('id', '=', id).execute();
  return id;
}

it.each([
  ['delivered', 'delivered'],
  ['opened', 'opened'],
  ['clicked', 'opened'],
  ['bounced', 'over'],
  ['complained', 'over'],
  ['failed', 'over'],
])('the delivery check of what has been recorded as %s meanwhile says %s', async (status, news) => {
  const emailId = await emailThatIs(status);
  expect(await checkDelivery(dependencies(), { emailId, generation: 1 })).toBe(news);
});

it('the end of a workflow is what the record says, and whether that is trouble', async () => {
  const readEnd = createReadEnd(dependencies());
  expect(await readEnd(await emailThatIs('clicked'))).toEqual({ status: 'clicked', trouble: false });
  expect(await readEnd(await emailThatIs('bounced'))).toEqual({ status: 'bounced', trouble: true });
  expect(await readEnd('01900000-0000-7000-8000-000000000000')).toBeNull();
});
