import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Shares } from './shares.js';

const steps = fc.array(
  fc.record({ owner: fc.constantFrom('a', 'b', 'c'), amount: fc.integer({ min: 1, max: 9 }), gives: fc.boolean() }),
);

it('never gives out more than there is, nor to one more than it leaves, and takes everything back', () => {
  fc.assert(
    fc.property(steps, fc.integer({ min: 2, max: 60 }), (walk, total) => {
      const shares = new Shares(total);
      const held: Record<string, number> = { a: 0, b: 0, c: 0 };
      const all = () => Object.values(held).reduce((sum, each) => sum + each, 0);
      for (const { owner, amount, gives } of walk) {
        if (gives) {
          shares.give(owner, Math.min(amount, held[owner]!));
          held[owner]! -= Math.min(amount, held[owner]!);
          continue;
        }
        const fits = held[owner]! + amount <= total - all() - amount;
        expect(shares.take(owner, amount)).toBe(fits);
        if (fits) held[owner]! += amount;
        expect(all()).toBeLessThanOrEqual(total);
      }
      for (const [owner, amount] of Object.entries(held)) shares.give(owner, amount);
      expect(shares.take('d', Math.floor(total / 2))).toBe(true);
    }),
  );
});

it('after six that took all they could of 200 there is something left for the seventh', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 6 }), (greedy) => {
      const shares = new Shares(200);
      for (let owner = 0; owner < greedy; owner++) while (shares.take(`client ${owner}`, 1));
      expect(shares.take('next', 1)).toBe(true);
    }),
  );
});
