import { tmpdir } from 'node:os';
import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../test/support/database.js';
import { insertQueuedEmail } from '../../../test/support/emails.js';
import { DISK_GROUPS, keepDiskSample, measureDisk } from './disk.js';

const GB = 1e9;
const UNKNOWN = { capacityBytes: null, directory: null };

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database?.drop());
beforeEach(() => sql`truncate disk_samples`.execute(database.db));

const measure = (disk: Parameters<typeof measureDisk>[1] = UNKNOWN) => measureDisk(database.db, disk);
/** How much smaller, or larger, than now it was so many days ago. */
const insertSample = async (daysAgo: number, difference: number) => {
  await sql`insert into disk_samples (day, at, bytes)
    select current_date - ${daysAgo}::int, now() - make_interval(days => ${daysAgo}),
      pg_database_size(current_database()) + ${difference}::bigint`.execute(database.db);
};

describe('what the database takes', () => {
  it('is told by what is in the tables and by month, and adds up to no more than there is', async () => {
    const before = await measure();
    for (let n = 0; n < 200; n++) await insertQueuedEmail(database.db);
    const after = await measure();
    expect(Object.keys(after.groups).sort()).toEqual([...DISK_GROUPS].sort());
    for (const group of ['emails', 'events', 'queue'] as const) {
      expect(after.groups[group]).toBeGreaterThan(before.groups[group]);
    }
    const month = new Date().toISOString().slice(0, 7).replace('-', '');
    expect(after.months[month]).toBeGreaterThan(before.months[month]!);
    const sum = Object.values(after.groups).reduce((total, bytes) => total + bytes, 0);
    expect(sum).toBeLessThanOrEqual(after.database_bytes);
    const ofMonths = Object.values(after.months).reduce((total, bytes) => total + bytes, 0);
    expect(ofMonths).toBeLessThanOrEqual(sum);
  });
});

describe('how long there is room', () => {
  it('is not known before a day has passed, nor where nobody has said how much room there is', async () => {
    await keepDiskSample(database.db);
    expect(await measure({ capacityBytes: 100 * GB, directory: null })).toMatchObject({
      growth_bytes: null,
      days_left: null,
    });
    await insertSample(4, -4 * GB);
    expect(await measure()).toMatchObject({ growth_bytes: expect.any(Number), free_bytes: null, days_left: null });
    expect(await measure({ capacityBytes: null, directory: '/nowhere/at/all' })).toMatchObject({ free_bytes: null });
  });

  it('is the room that is left by the growth of the last week; a month that was dropped is no growth', async () => {
    await insertSample(20, -90 * GB);
    await insertSample(4, -2 * GB);
    // On the second day a month went.
    await insertSample(2, -4 * GB);
    const { database_bytes } = await measure();
    const use = await measure({ capacityBytes: database_bytes + 10 * GB, directory: null });
    // Four bytes of four days: those after the drop.
    expect(use.growth_bytes! / GB).toBeCloseTo(1, 1);
    expect(use.free_bytes! / GB).toBeCloseTo(10, 1);
    expect([9, 10]).toContain(use.days_left);
  });

  it('is not told of a database that does not grow', async () => {
    await insertSample(3, GB);
    expect(await measure({ capacityBytes: 100 * GB, directory: null })).toMatchObject({
      growth_bytes: 0,
      days_left: null,
    });
  });

  it('goes by the disk itself, where PostgreSQL runs on this machine', async () => {
    const { free_bytes } = await measure({ capacityBytes: null, directory: tmpdir() });
    expect(free_bytes).toBeGreaterThan(0);
  });
});

it('a sample is kept once a day, by however many', async () => {
  await Promise.all(Array.from({ length: 5 }, () => keepDiskSample(database.db)));
  await keepDiskSample(database.db);
  const { rows } = await sql`select from disk_samples`.execute(database.db);
  expect(rows).toHaveLength(1);
});
