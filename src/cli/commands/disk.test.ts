import { describe, expect, it } from 'vitest';
import type { DiskUse } from '../../domain/samples/disk.js';
import { diskFacts } from './disk.js';

const groups: DiskUse['groups'] = {
  ...{ emails: 61_400_000_000, events: 40_000_000_000, attempts: 20_500_000_000, attachments: 999_949 },
  ...{ spool: 0, queue: 8_192, passing: 1_200_000_000, audit: 16_384, others: 999 },
};
const use: DiskUse = {
  ...{ database_bytes: 123_456_789_012, groups, months: {} },
  ...{ growth_bytes: 5_400_000_000, free_bytes: 876_543_210_988, days_left: 162 },
};
const told = (changes: Partial<DiskUse> = {}) => Object.fromEntries(diskFacts({ ...use, ...changes }));

describe('what the status says of the disk', () => {
  it('is the size with the four largest groups, the growth a day, the room, and the days that it lasts', () => {
    expect(told()).toEqual({
      database: '123 GB (emails 61.4 GB, events 40.0 GB, attempts 20.5 GB, passing 1.2 GB)',
      'it grows by': '5.4 GB a day',
      'room on its disk': '877 GB, for 162 days at this growth',
    });
  });

  it('names no days where it does not grow, and says what is not known, and why', () => {
    expect(told({ days_left: null })['room on its disk']).toBe('877 GB');
    expect(told({ free_bytes: null, days_left: null })['room on its disk']).toBe(
      'not known: DISK_CAPACITY_GB is not set',
    );
    expect(told({ growth_bytes: null })['it grows by']).toBe('not known before it has run for a day');
  });

  it.each([
    [999, '999 bytes a day'],
    [1_000, '1.0 KB a day'],
    [99_940, '99.9 KB a day'],
    [100_000, '100 KB a day'],
    [2_500_000_000_000_000, '2500 TB a day'],
  ])('says %i bytes as people do', (bytes, text) => {
    expect(told({ growth_bytes: bytes })['it grows by']).toBe(text);
  });
});
