import type { DiskUse } from '../../domain/samples/disk.js';
import type { NewGauge } from './gauges.js';

const DAY_S = 86_400;

/** What the database takes and how long there is room. What is not known has no sample. */
export function measureDiskUse(gauge: NewGauge, use: DiskUse): void {
  const bytes = gauge('tempost_database_bytes', 'What tables take with their indexes, by what is in them', ['group']);
  for (const [group, size] of Object.entries(use.groups)) bytes.set({ group }, size);
  if (use.growth_bytes !== null) {
    gauge('tempost_database_daily_growth_bytes', 'By how much the database grows in a day').set(use.growth_bytes);
  }
  if (use.free_bytes !== null)
    gauge('tempost_disk_free_bytes', 'Room that is left for the database').set(use.free_bytes);
  if (use.days_left !== null) {
    gauge('tempost_disk_left_seconds', 'Until the disk is full, at that growth').set(use.days_left * DAY_S);
  }
}
