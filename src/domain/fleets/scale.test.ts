import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../test/support/database.js';
import { insertQueuedEmail } from '../../../test/support/emails.js';
import { PRIORITIES } from '../../priority.js';
import { changeProvider } from '../provider-health/switches.js';
import { pause, resume } from '../queue/pauses.js';
import { heartbeatRow } from './heartbeats.js';
import { type Load, readScale, SEND_SLOTS, wantedOf } from './scale.js';

const count = fc.nat({ max: 1_000_000 });
const load: fc.Arbitrary<Load> = fc.record({
  waiting: count,
  in_flight: count,
  in_flight_limit: fc.integer({ min: 1, max: 5_000 }),
  paused: fc.boolean(),
  admitted: fc.boolean(),
  workers: fc.nat({ max: 100 }),
  worker_slots: fc.integer({ min: 1, max: 100 }),
});
const any = fc.tuple(fc.constantFrom(...PRIORITIES), load);
const leastOf = (priority: string) => (priority === 'critical' ? 2 : 1);

describe('the number of workers wanted', () => {
  it('of a paused priority never grows, however much waits', () => {
    fc.assert(
      fc.property(any, ([priority, of]) => {
        const paused = wantedOf(priority, { ...of, paused: true });
        expect(paused).toEqual({ scale_emails: 0, wanted_workers: leastOf(priority) });
      }),
    );
  });

  it('does not exceed those there are while no provider takes the priority', () => {
    fc.assert(
      fc.property(any, ([priority, of]) => {
        const { wanted_workers } = wantedOf(priority, { ...of, admitted: false });
        expect(wanted_workers).toBeLessThanOrEqual(Math.max(of.workers, leastOf(priority)));
      }),
    );
  });

  it('is never below the least, nor more than the limit in flight can keep busy, and grows with the work', () => {
    fc.assert(
      fc.property(any, count, ([priority, of], more) => {
        const { wanted_workers } = wantedOf(priority, of);
        expect(wanted_workers).toBeGreaterThanOrEqual(leastOf(priority));
        const most = Math.ceil(of.in_flight_limit / of.worker_slots);
        expect(wanted_workers).toBeLessThanOrEqual(Math.max(most, leastOf(priority)));
        expect(wantedOf(priority, { ...of, waiting: of.waiting + more }).wanted_workers).toBeGreaterThanOrEqual(
          wanted_workers,
        );
      }),
    );
  });

  it('is one for each full set of slots that waits or is in flight', () => {
    const of = { in_flight_limit: 320, paused: false, admitted: true, workers: 2, worker_slots: 40 };
    expect(wantedOf('low', { ...of, waiting: 250, in_flight: 20 })).toEqual({ scale_emails: 270, wanted_workers: 7 });
    expect(wantedOf('low', { ...of, waiting: 100_000, in_flight: 20 }).wanted_workers).toBe(8);
  });
});

describe('the numbers of a priority', () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await createTestDatabase();
  });
  afterAll(() => database?.drop());

  const settings = {
    deadlineMs: { critical: 15_000, medium: 900_000, low: 3_600_000 },
    providers: ['mailgun' as const],
    inFlightLimit: { critical: 50, medium: 360, low: 320 },
  };
  const low = async () => (await readScale(database.db, settings)).find(({ priority }) => priority === 'low')!;

  it('are those of the record: what waits, how old it is, what came, who runs', async () => {
    const { db } = database;
    for (let waiting = 0; waiting < 41; waiting++) await insertQueuedEmail(db, { priority: 'low' });
    await insertQueuedEmail(db, { priority: 'low', dueInS: -600 });
    await insertQueuedEmail(db, { priority: 'low', dueInS: 600 });
    await insertQueuedEmail(db, { priority: 'low', state: 'in_flight' });
    await insertQueuedEmail(db, { priority: 'low', state: 'held' });
    await insertQueuedEmail(db, { priority: 'low', state: 'handed_over' });
    await heartbeatRow(db, { process: 'worker', priority: 'low', version: '1.0.0' }).beat(undefined);
    await heartbeatRow(db, { process: 'worker', priority: 'medium', version: '1.0.0' }).beat(undefined);
    const scale = await low();
    expect(scale).toMatchObject({
      waiting: 42,
      held: 1,
      in_flight: 1,
      in_flight_limit: 320,
      paused: false,
      admitted: true,
      workers: 1,
      worker_slots: SEND_SLOTS.low,
      scale_emails: 43,
      wanted_workers: 2,
    });
    expect(scale.oldest_s).toBeGreaterThanOrEqual(600);
    expect(scale.oldest_deadline_in_s).toBe(3_600 - scale.oldest_s!);
    // 46 were accepted just now.
    expect(scale.arrivals_per_s.over_5_min).toBeCloseTo(46 / 300, 2);
    expect(scale.arrivals_per_s.over_1_min).toBeLessThanOrEqual(0.767);
    const [critical] = await readScale(database.db, settings);
    expect(critical).toMatchObject({ priority: 'critical', waiting: 0, oldest_s: null, oldest_deadline_in_s: null });
    expect(critical).toMatchObject({ wanted_workers: 2, arrivals_per_s: { over_1_min: 0, over_5_min: 0 } });
  });

  it('do not ask for workers while it is paused, nor for more while no provider takes it', async () => {
    const { db } = database;
    await pause(db, ['low'], 'test');
    expect(await low()).toMatchObject({ paused: true, waiting: 42, scale_emails: 0, wanted_workers: 1 });
    await resume(db, ['low']);
    await changeProvider(db, 'mailgun', { enabled: false, reason: 'test' });
    expect(await low()).toMatchObject({ admitted: false, waiting: 42, scale_emails: 40, wanted_workers: 1 });
    await changeProvider(db, 'mailgun', { enabled: true, reason: 'test' });
    expect(await low()).toMatchObject({ wanted_workers: 2 });
  });
});
