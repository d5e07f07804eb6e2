import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../test/support/database.js';
import { storeEvents } from '../../../test/support/provider-events.js';
import { insertEmail } from '../../../test/support/webhooks.js';
import type { ProviderEvent } from '../tracking/provider-events.js';
import { MOST_EVENTS } from './events.js';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

let count = 0;
const told = (type: string, more: Partial<ProviderEvent> = {}): ProviderEvent => ({
  provider: 'mailgun',
  providerEventId: `event-${count++}`,
  type,
  generation: 1,
  attempt: 1,
  providerMessageId: null,
  occurredAt: new Date(),
  metadata: {},
  ...more,
});
const many = (type: string, howMany: number) => Array.from({ length: howMany }, () => told(type));

describe('an e-mail that is clicked without end', () => {
  it('keeps a thousand events, and of more only what can change its status or suppress', async () => {
    const { db } = database;
    const { id, clientId } = await insertEmail(db, [{ provider: 'mailgun', state: 'accepted' }]);
    const countOf = async (type?: string) => {
      const rows = await db.selectFrom('email_events').select('type').where('email_id', '=', id).execute();
      return rows.filter((row) => type === undefined || row.type === type).length;
    };
    await storeEvents(db, id, [told('delivered'), ...many('clicked', MOST_EVENTS - 2)]);
    expect(await countOf()).toBe(MOST_EVENTS - 1);
    await storeEvents(db, id, many('clicked', 3));
    await storeEvents(db, id, many('clicked', 5));
    await storeEvents(db, id, many('mailgun_stored', 5));
    expect([await countOf('clicked'), await countOf('mailgun_stored'), await countOf()]).toEqual([
      MOST_EVENTS - 1,
      1,
      MOST_EVENTS + 1,
    ]);
    const { status } = await storeEvents(db, id, [
      told('complained', { suppress: 'complained' }),
      told('complained', { suppress: 'complained' }),
    ]);
    expect(status).toBe('complained');
    expect(await countOf('complained')).toBe(2);
    const suppressed = db.selectFrom('suppressions').select('reason').where('client_id', '=', clientId);
    expect(await suppressed.execute()).toEqual([{ reason: 'complained' }]);
  });
});
