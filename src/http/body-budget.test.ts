import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BodyBudget } from './body-budget.js';

const PATIENCE_MS = 20;
/** Of the test's own: on a busy machine one step may take longer than the patience. */
let timeMs = 0;
const nowMs = () => timeMs;

describe('a room for bodies', () => {
  it('takes what fits, and nobody is sent away for whoever comes too soon', () => {
    const room = new BodyBudget(100, 60_000);
    const first = room.enter(() => expect.fail('sent away'));
    const second = room.enter(() => expect.fail('sent away'));
    expect(first.take(60)).toBe(true);
    expect(second.take(41)).toBe(false);
    expect(second.take(40)).toBe(true);
    first.leave();
    first.leave();
    expect(room.heldBytes).toBe(40);
  });

  it('sends away who has been arriving for the longest, as many as it takes, and never who has arrived', () => {
    const room = new BodyBudget(100, PATIENCE_MS, nowMs);
    const gone: string[] = [];
    const enter = (name: string, bytes: number) => {
      const place = room.enter(() => gone.push(name));
      place.take(bytes);
      return place;
    };
    enter('arrived', 20).stay();
    enter('empty', 0);
    enter('first', 40);
    enter('second', 40);
    timeMs += 2 * PATIENCE_MS;
    const young = room.enter(() => gone.push('young'));
    expect(young.take(30)).toBe(true);
    expect(gone).toEqual(['first']);
    expect(young.take(50)).toBe(true);
    expect(gone).toEqual(['first', 'second']);
    expect(young.take(1)).toBe(false);
    expect(room.heldBytes).toBe(100);
  });

  it('sends away who asks for more itself, when nobody is older', () => {
    const room = new BodyBudget(100, PATIENCE_MS, nowMs);
    let gone = false;
    const place = room.enter(() => {
      gone = true;
    });
    place.take(100);
    timeMs += 2 * PATIENCE_MS;
    expect(place.take(1)).toBe(false);
    expect([gone, room.heldBytes]).toEqual([true, 0]);
  });

  it('never holds more than it may, and nothing when all have left', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(5), fc.integer({ min: 0, max: 70 }), fc.boolean())), (steps) => {
        const room = new BodyBudget(100, -1);
        const places = new Map<number, ReturnType<BodyBudget['enter']>>();
        for (const [who, bytes, leaves] of steps) {
          if (!places.has(who))
            places.set(
              who,
              room.enter(() => places.delete(who)),
            );
          places.get(who)!.take(bytes);
          if (leaves) places.get(who)?.leave();
          if (leaves) places.delete(who);
          expect(room.heldBytes).toBeLessThanOrEqual(100);
        }
        for (const place of places.values()) place.leave();
        expect(room.heldBytes).toBe(0);
      }),
    );
  });
});
