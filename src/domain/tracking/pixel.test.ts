import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../test/support/database.js';
import { storeEvents } from '../../../test/support/provider-events.js';
import { insertEmail } from '../../../test/support/webhooks.js';
import { openDatabase } from '../../postgres/database.js';
import { SHIPPED_STATUSES } from '../emails/statuses.js';
import { PIXEL_GIF, recordPixelOpen } from './pixel.js';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

const open = (emailId: string) => recordPixelOpen(database.db, SHIPPED_STATUSES, emailId);

const opensOf = (emailId: string) =>
  database.db
    .selectFrom('email_events')
    .select(['event_key', 'type', 'generation', 'attempt', 'provider'])
    .where('email_id', '=', emailId)
    .execute();

const statusOf = async (emailId: string) =>
  (await database.db.selectFrom('emails').select('status').where('id', '=', emailId).executeTakeFirstOrThrow()).status;

describe('an open of our pixel', () => {
  it('is recorded for the accepted attempt, and the workflow is to be told', async () => {
    const { id } = await insertEmail(database.db, [
      { provider: 'mailgun', state: 'refused' },
      { provider: 'smtp', state: 'accepted' },
    ]);
    expect(await open(id)).toEqual({ recorded: true, signals: ['opened'], status: 'opened' });
    expect(await opensOf(id)).toEqual([
      {
        event_key: expect.stringMatching(/^tempost:pixel:\d+$/),
        type: 'opened',
        generation: 1,
        attempt: 2,
        provider: null,
      },
    ]);
    expect(await statusOf(id)).toBe('opened');
    const told = await database.db.selectFrom('pending_signals').selectAll().where('email_id', '=', id).execute();
    expect(told).toMatchObject([{ kind: 'opened' }]);
  });

  it('belongs to the newest generation that was handed over', async () => {
    const { id } = await insertEmail(database.db, [
      { provider: 'mailgun', state: 'accepted', generation: 1 },
      { provider: 'mailgun', state: 'accepted', generation: 2 },
      { provider: 'mailgun', state: 'refused', generation: 3 },
    ]);
    await open(id);
    expect(await opensOf(id)).toMatchObject([{ generation: 2, attempt: 2 }]);
  });

  it('is one event a minute, however often and by however many it is loaded', async () => {
    const { id } = await insertEmail(database.db, [{ provider: 'mailgun', state: 'accepted' }]);
    const told = (await Promise.all(Array.from({ length: 50 }, () => open(id)))).flatMap(({ signals }) => signals);
    // The storm may pass the full minute.
    expect((await opensOf(id)).length).toBeLessThanOrEqual(2);
    expect(told).toEqual(['opened']);
  });

  it('is no news for the workflow when the provider has told it before', async () => {
    const { id } = await insertEmail(database.db, [{ provider: 'mailgun', state: 'accepted' }]);
    await storeEvents(database.db, id, [
      {
        provider: 'mailgun',
        providerEventId: 'a',
        type: 'opened',
        generation: 1,
        attempt: 1,
        occurredAt: new Date(),
        providerMessageId: null,
        metadata: {},
      },
    ]);
    expect(await open(id)).toEqual({ recorded: true, signals: [] });
    expect(await opensOf(id)).toHaveLength(2);
  });

  it.each(['calling', 'ambiguous', 'refused', 'rejected'] as const)(
    'of an e-mail that is not known to be handed over is ignored: %s',
    async (state) => {
      const { id } = await insertEmail(database.db, [{ provider: 'mailgun', state }]);
      expect(await open(id)).toEqual({ recorded: false, signals: [] });
      expect(await opensOf(id)).toEqual([]);
      expect(await statusOf(id)).toBe('queued');
    },
  );

  it('of an e-mail whose opens are not tracked is ignored: it carries no pixel, so nobody has read it', async () => {
    const { id } = await insertEmail(database.db, [{ provider: 'mailgun', state: 'accepted' }]);
    await database.db.updateTable('emails').set({ track_opens: false }).where('id', '=', id).execute();
    expect(await open(id)).toEqual({ recorded: false, signals: [] });
    expect(await opensOf(id)).toEqual([]);
    expect(await statusOf(id)).not.toBe('opened');
    expect(await database.db.selectFrom('pending_signals').selectAll().where('email_id', '=', id).execute()).toEqual(
      [],
    );
  });

  it.each(['019ab000-0000-7000-8000-00000000ffff', 'x', '', "' or 1=1", '../..', '\u0000'])(
    'of nothing is ignored: %j',
    async (id) => {
      expect(await open(id)).toEqual({ recorded: false, signals: [] });
    },
  );

  it('is no trouble to the reader while the database is away', async () => {
    const away = openDatabase({
      url: 'postgres://nobody@127.0.0.1:1/none',
      poolSize: 1,
      name: 'away',
      logger: { warn: () => {} },
    });
    expect(await recordPixelOpen(away, SHIPPED_STATUSES, '019ab000-0000-7000-8000-00000000ffff')).toEqual({
      recorded: false,
      signals: [],
    });
    await away.destroy();
  });
});

it('the pixel is a transparent GIF of 43 bytes', () => {
  expect(PIXEL_GIF).toHaveLength(43);
  expect(PIXEL_GIF.subarray(0, 6).toString('latin1')).toBe('GIF89a');
  expect([PIXEL_GIF.readUInt16LE(6), PIXEL_GIF.readUInt16LE(8)]).toEqual([1, 1]);
});
