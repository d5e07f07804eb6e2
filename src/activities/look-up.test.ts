import pino from 'pino';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../test/support/database.js';
import { insertAttempts } from '../../test/support/dead.js';
import { insertQueuedEmail } from '../../test/support/emails.js';
import { keepLines } from '../../test/support/monitoring/log-lines.js';
import { readRecord } from '../../test/support/record.js';
import type { SoughtAttempt } from '../domain/attempts/look-ups.js';
import { SHIPPED_STATUSES } from '../domain/emails/statuses.js';
import type { LookUpQuery, LookUpResult, LookUpWindow } from '../providers/provider.js';
import type { Provider } from '../providers/registry.js';
import { lookUp } from './look-up.js';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

/** Each search that was made: the e-mails asked about. */
let searches: string[][];
beforeEach(async () => {
  searches = [];
  await database.db.deleteFrom('look_ups').execute();
});

const SILENT = pino({ level: 'silent' });

/** A provider that has taken everything, or cannot be asked. */
function dependenciesOf(
  lookUpWindow: LookUpWindow | undefined,
  { down = false, unwritable = '', logger = SILENT } = {},
) {
  const provider: Provider = {
    name: 'mandrill',
    lookUpWindow,
    send: () => Promise.reject(new Error('nothing is sent here')),
    probe: async () => undefined,
    async lookUp(queries) {
      searches.push(queries.map(({ emailId }) => emailId));
      if (down) throw new Error('down');
      return queries.map((query) =>
        query.emailId === unwritable ? { ...foundOf(query), providerMessageId: 'no\0text' } : foundOf(query),
      );
    },
  };
  return {
    db: database.db,
    catalogue: SHIPPED_STATUSES,
    providers: new Map([[provider.name, provider]]),
    logger,
    config: { messageIdDomain: 'mail.example.com' },
  };
}

const foundOf = ({ emailId }: LookUpQuery): LookUpResult => ({
  kind: 'found',
  providerMessageId: `theirs of ${emailId}`,
  delivered: false,
});

async function doubtful(): Promise<SoughtAttempt> {
  const emailId = await insertQueuedEmail(database.db, { state: 'backing_off' });
  await insertAttempts(database.db, emailId, [{ provider: 'mandrill', state: 'ambiguous' }]);
  const id = { emailId, generation: 1, attempt: 1, provider: 'mandrill' } as const;
  return { ...id, startedAt: new Date(), receiver: 'reader@example.org', providerMessageId: null };
}

async function stateOf({ emailId }: SoughtAttempt) {
  return database.db
    .selectFrom('send_attempts')
    .select(['state', 'provider_message_id'])
    .where('email_id', '=', emailId)
    .executeTakeFirstOrThrow();
}

const DECIDED = { decideInMs: 60_000 };
const OPEN: LookUpWindow = { everyMs: 0, size: 20 };
/** Leaves an attempt's wish: nobody gets a turn. */
async function wish(attempt: SoughtAttempt): Promise<void> {
  await database.db
    .updateTable('provider_health')
    .set({ next_look_up_at: new Date('9999-01-01') })
    .execute();
  expect(await lookUp(dependenciesOf(OPEN), attempt, DECIDED)).toEqual({ kind: 'none' });
  expect(searches).toEqual([]);
  await database.db
    .updateTable('provider_health')
    .set({ next_look_up_at: new Date(0) })
    .execute();
}

describe('a provider that limits searches', () => {
  it("has what it told of the asker's own message written down, whatever trouble there is with another's", async () => {
    const [own, other] = [await doubtful(), await doubtful()];
    await wish(other);
    const found = await lookUp(dependenciesOf(OPEN, { unwritable: other.emailId }), own, DECIDED);
    expect(found).toMatchObject({ kind: 'found' });
    expect((await stateOf(own)).state).toBe('accepted');
    expect((await stateOf(other)).state).toBe('ambiguous');
  });

  it('is not searched where nothing is to be decided', async () => {
    expect(await lookUp(dependenciesOf(OPEN), await doubtful())).toEqual({ kind: 'none' });
    expect(searches).toEqual([]);
    expect(await database.db.selectFrom('look_ups').selectAll().execute()).toEqual([]);
  });

  it('is not asked without a turn, and nothing is known', async () => {
    await wish(await doubtful());
  });

  it('is asked for all who wait at once; what it has of the others is adopted, and their workflows are told', async () => {
    const [own, other] = [await doubtful(), await doubtful()];
    await wish(other);
    const { logger, lines } = keepLines();
    const found = await lookUp(dependenciesOf(OPEN, { logger }), own, DECIDED);
    expect(searches).toEqual([[own.emailId, other.emailId]]);
    expect(found).toEqual({ kind: 'found', providerMessageId: `theirs of ${own.emailId}`, delivered: false });
    expect(await stateOf(other)).toEqual({ state: 'accepted', provider_message_id: `theirs of ${other.emailId}` });
    expect(await readRecord(database.db).statusOf({ id: other.emailId })).toBe('sent');
    expect(await readRecord(database.db).signalsOf({ id: other.emailId })).toEqual(['evidence']);
    // Its own activity learns it from the record and tells nothing; the asker's tells of its own e-mail.
    const outcome = { emailId: other.emailId, generation: 1, attempt: 1, provider: 'mandrill', kind: 'accepted' };
    expect(lines).toMatchObject([{ msg: 'outcome', ...outcome, found_by: 'look_up' }]);
    // The asker needs no telling.
    expect((await stateOf(own)).state).toBe('accepted');
    expect(await readRecord(database.db).signalsOf({ id: own.emailId })).toEqual([]);
  });

  it('that cannot be asked has told nothing of anybody', async () => {
    const [own, other] = [await doubtful(), await doubtful()];
    await wish(other);
    expect(await lookUp(dependenciesOf(OPEN, { down: true }), own, DECIDED)).toEqual({ kind: 'none' });
    expect((await stateOf(other)).state).toBe('ambiguous');
  });

  it('is asked at any time about a message whose id is known', async () => {
    await wish(await doubtful());
    await database.db
      .updateTable('provider_health')
      .set({ next_look_up_at: new Date('9999-01-01') })
      .execute();
    const known = { ...(await doubtful()), providerMessageId: 'theirs' };
    expect(await lookUp(dependenciesOf(OPEN), known)).toMatchObject({ kind: 'found' });
    expect(searches).toEqual([[known.emailId]]);
  });
});

describe('a provider that does not', () => {
  it('is asked at any time, for one', async () => {
    const [own, other] = [await doubtful(), await doubtful()];
    await wish(other);
    await database.db
      .updateTable('provider_health')
      .set({ next_look_up_at: new Date('9999-01-01') })
      .execute();
    expect(await lookUp(dependenciesOf(undefined), own)).toMatchObject({ kind: 'found' });
    expect(searches).toEqual([[own.emailId]]);
  });
});
