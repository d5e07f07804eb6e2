import type { DiskUse } from '../../domain/samples/disk.js';

const UNITS = ['bytes', 'KB', 'MB', 'GB', 'TB'] as const;

/** As people say it, in powers of a thousand. */
function sizeText(bytes: number): string {
  let [size, unit] = [bytes, 0];
  while (size >= 1_000 && unit < UNITS.length - 1) [size, unit] = [size / 1_000, unit + 1];
  return `${unit === 0 || size >= 100 ? Math.round(size) : size.toFixed(1)} ${UNITS[unit]}`;
}

/** What the database takes and how long there is room for it; what is not known is said to be so. */
export function diskFacts({ database_bytes, groups, growth_bytes, free_bytes, days_left }: DiskUse) {
  const largest = Object.entries(groups)
    .sort(([, a], [, b]) => b - a)
    .slice(0, 4)
    .map(([group, bytes]) => `${group} ${sizeText(bytes)}`);
  const growth = growth_bytes === null ? 'not known before it has run for a day' : `${sizeText(growth_bytes)} a day`;
  const left = days_left === null ? '' : `, for ${days_left} days at this growth`;
  const room = free_bytes === null ? 'not known: DISK_CAPACITY_GB is not set' : `${sizeText(free_bytes)}${left}`;
  return [
    ['database', `${sizeText(database_bytes)} (${largest.join(', ')})`],
    ['it grows by', growth],
    ['room on its disk', room],
  ] as const;
}
