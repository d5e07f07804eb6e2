import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../test/support/database.js';
import { type Ask, type Grant, takeTokens } from '../../domain/clients/rate-buckets.js';
import { type Bucket, Leases } from './leases.js';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

/** So slow that nothing comes back during a test. */
const bucket = (burst = 200, rate = 1e-6): Bucket => ({ owner: randomUUID(), kind: 'send', limit: { rate, burst } });
/** A process's, with the statements that it makes counted. */
function leases(now?: () => number) {
  const asked: (readonly Ask[])[] = [];
  const own = new Leases((asks) => {
    asked.push(asks);
    return takeTokens(database.db, asks);
  }, now);
  return Object.assign(own, { asked });
}
const takeMany = async (own: Leases, of: Bucket, count: number) =>
  (await Promise.all(Array.from({ length: count }, () => own.take(of)))).filter(Boolean).length;

describe('two processes that share a bucket', () => {
  it.each([5, 60, 200, 2_000])(
    'admit together its burst of %i within a twentieth, however they are flooded',
    async (burst) => {
      const [one, other] = [leases(), leases()];
      const shared = bucket(burst);
      let admitted = 0;
      for (let round = 0; round < 6; round++) {
        const counts = await Promise.all([one, other].map((own) => takeMany(own, shared, burst)));
        admitted += counts[0]! + counts[1]!;
      }
      expect(admitted).toBeGreaterThanOrEqual(burst * 0.95);
      expect(admitted).toBeLessThanOrEqual(burst * 1.05);
      expect(one.asked.length + other.asked.length).toBeLessThan(burst);
      await Promise.all([one.stop(), other.stop()]);
    },
  );

  it('leave to each other what they do not use', async () => {
    const [one, other] = [leases(), leases()];
    const shared = bucket();
    expect(await takeMany(one, shared, 7)).toBe(7);
    await one.stop();
    expect(await takeMany(other, shared, 300)).toBe(193);
    await other.stop();
  });
});

describe('a process that dies', () => {
  it.each([200, 2_000])('loses or doubles at most a twentieth of a burst of %i', async (burst) => {
    const shared = bucket(burst);
    let admitted = 0;
    // Each begins with what the one before has left in the database, and ends without a word.
    for (let life = 0; life < 2; life++) admitted += await takeMany(leases(), shared, burst / 4);
    const last = leases();
    admitted += await takeMany(last, shared, burst * 2);
    // Two have died.
    expect(Math.abs(admitted - burst)).toBeLessThanOrEqual(2 * burst * 0.05);
    await last.stop();
  });
});

describe('an empty bucket', () => {
  it('is not asked again for every request that is refused', async () => {
    let at = 0;
    const own = leases(() => at);
    const shared = bucket(10, 0.001);
    expect(await takeMany(own, shared, 10)).toBe(10);
    await takeMany(own, shared, 1);
    const { length } = own.asked;
    expect(await takeMany(own, shared, 5_000)).toBe(0);
    expect(own.asked.length).toBe(length);
    expect(own.standing(shared)).toMatchObject({ remaining: 0 });
    expect(own.standing(shared).waitMs).toBeGreaterThan(900_000);
    // Once a second it is, for its limit may have been raised.
    at += 1_000;
    expect(await takeMany(own, shared, 5_000)).toBe(0);
    expect(own.asked.length).toBe(length + 1);
    expect(await takeMany(own, { ...shared, limit: { rate: 1_000_000, burst: 100 } }, 100)).toBe(100);
    await own.stop();
  });
});

describe('a client that sends little', () => {
  it('waits for no statement, and is settled with all others in one', async () => {
    const own = leases();
    const clients = Array.from({ length: 30 }, () => bucket());
    for (const client of clients) expect(await own.take(client)).toBe(true);
    expect(own.asked).toEqual([]);
    await own.stop();
    expect(own.asked.map((asks) => asks.length)).toEqual([30]);
    const other = leases();
    expect(await takeMany(other, clients[0]!, 300)).toBe(199);
    await other.stop();
  });
});

describe('without a database', () => {
  it('what has to be asked is refused with its error, and counted when it is back', async () => {
    let away = true;
    const shared = bucket(50);
    const own = new Leases((asks) => (away ? Promise.reject(new Error('away')) : takeTokens(database.db, asks)));
    await expect(own.take(shared)).rejects.toThrow('away');
    away = false;
    expect(await takeMany(own, shared, 100)).toBe(50);
    await own.stop();
  });
});

/** The shared bucket, without a database, by a clock of the test's. */
class Shared {
  tokens: number;
  constructor(private readonly burst: number) {
    this.tokens = burst;
  }
  ask = async (asks: readonly Ask[]): Promise<Grant[]> =>
    asks.map(({ owner, kind, spent, wanted }) => {
      this.tokens = Math.min(this.burst, this.tokens - spent);
      const granted = Math.max(0, Math.floor(Math.min(wanted, this.tokens)));
      this.tokens -= granted;
      return { owner, kind, granted, left: this.tokens };
    });
}

describe('whatever happens in whatever order', () => {
  it('no token is lost or made: those taken, held and left are the burst, once all have stopped', async () => {
    const step = fc.record({ who: fc.nat(2), count: fc.integer({ min: 1, max: 40 }), back: fc.boolean() });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 25 }), fc.constantFrom(3, 50, 200), async (steps, burst) => {
        const shared = new Shared(burst);
        const of = bucket(burst);
        const processes = [0, 1, 2].map(() => new Leases(shared.ask));
        let taken = 0;
        for (const { who, count, back } of steps) {
          const got = await takeMany(processes[who]!, of, count);
          taken += got;
          if (back && got > 0) {
            processes[who]!.giveBack(of);
            taken--;
          }
        }
        await Promise.all(processes.map((own) => own.stop()));
        expect(taken + shared.tokens).toBe(burst);
        expect(taken).toBeLessThanOrEqual(burst + 3 * Math.floor(burst / 100));
      }),
      { numRuns: 60 },
    );
  });
});
