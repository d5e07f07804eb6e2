import { sql } from 'kysely';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../test/support/database.js';
import { heartbeatRow, listProcesses } from './heartbeats.js';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database?.drop());

/** What is told is rounded to a tenth. */
const SILENT_FROM_S = 12;

it('a process is silent from the twelfth second after it was last heard, by the database’s clock: frozen, it shows within 15 s', async () => {
  const { db } = database;
  const ages = [0, 3, 6, 9, 11, 12.2, 13, 14, 15, 60];
  for (const ageS of ages) {
    const row = heartbeatRow(db, { process: 'worker', priority: 'low', version: `${ageS}` });
    expect(row.everyMs).toBeLessThan((SILENT_FROM_S * 1000) / 2);
    await row.beat({ polling: true, slotsUsed: 0, slots: 60, lastTaskMsAgo: null });
  }
  // All at one moment, however long the rows have taken.
  await sql`update process_heartbeats set beat_at = now() - make_interval(secs => version::float8)`.execute(db);
  const listed = await listProcesses(db);
  expect(listed).toHaveLength(ages.length);
  for (const { beat_s, silent, version } of listed) {
    expect(beat_s).toBeGreaterThanOrEqual(Number(version));
    if (beat_s !== SILENT_FROM_S) expect(silent, `after ${beat_s} s`).toBe(beat_s > SILENT_FROM_S);
  }
  const late = listed.filter(({ version }) => Number(version) > SILENT_FROM_S);
  expect(late.map(({ silent }) => silent)).toEqual([true, true, true, true, true]);
});
