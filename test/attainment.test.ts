import { describe, expect, it } from 'vitest';
import { attainmentLine, type Clocked, compare, type Told } from '../drills/attainment.js';
import { PRIORITIES, type Priority } from '../src/priority.js';

const DEADLINE_MS = 1_000_000;
const taken = (afterDeadlineS: number, recordedAfterS = 0.1): Clocked => {
  const takenMs = DEADLINE_MS + afterDeadlineS * 1000;
  return { priority: 'low', deadlineMs: DEADLINE_MS, takenMs, recordedMs: takenMs + recordedAfterS * 1000 };
};
const never: Clocked = { priority: 'low', deadlineMs: DEADLINE_MS, takenMs: null, recordedMs: null };

const NONE = { in_time: 0, late: 0, late_by_pause: 0, dead: 0, failed: 0, suppressed: 0, cancelled: 0, pending: 0 };
const told = (low: Partial<Told>): Told[] =>
  PRIORITIES.map((priority: Priority) => ({ ...NONE, priority, ...(priority === 'low' && low) }));

describe('a drill’s own clock and the service levels', () => {
  it('agree when each e-mail is told as the provider’s log has it', () => {
    const { attained, broken } = compare(
      [taken(-20), taken(-30), taken(9), never],
      told({ in_time: 2, late: 1, failed: 1 }),
    );
    expect(broken).toEqual([]);
    expect(attained.low).toEqual({ emails: 4, inTime: 2, inTimeTold: 2, border: 0 });
    expect(attainmentLine(attained)).toMatch(/^critical 0 of 0 .*low 2 of 4 \(50 %; by the clock 2\)$/);
  });

  it.each([
    ['one more in time', { in_time: 3, failed: 1 }],
    ['one fewer in time', { in_time: 1, late: 2, failed: 1 }],
  ])('disagree over %s', (_, wrong) => {
    const { broken } = compare([taken(-20), taken(-30), taken(9), never], told(wrong));
    expect(broken).toEqual([expect.stringMatching(/^low: \d in time by the service levels, 2 by the clock, 0 at the/)]);
  });

  it('disagree when an e-mail is counted twice, or not at all', () => {
    expect(compare([taken(-20)], told({ in_time: 1, late: 1 })).broken).toHaveLength(1);
    expect(compare([taken(-20), never], told({ in_time: 1 })).broken).toHaveLength(1);
  });

  it('may differ by those whose deadline passed while the record did not know yet, and by no more', () => {
    const recordedLate = [taken(-5, 30), taken(-20), taken(-20)];
    expect(compare(recordedLate, told({ in_time: 2, late: 1 })).broken).toEqual([]);
    expect(compare(recordedLate, told({ in_time: 1, late: 2 })).broken).toHaveLength(1);
    expect(compare([taken(0.5, 0)], told({ in_time: 1 })).broken).toEqual([]);
    expect(compare([taken(1.5, 0)], told({ in_time: 1 })).broken).toHaveLength(1);
  });
});
