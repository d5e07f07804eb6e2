import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { keepPrivate } from './private-files.js';

let dataDir: string;
let umask: number;
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'tempost-private-'));
  umask = process.umask(0o022);
});
afterEach(() => {
  process.umask(umask);
  rmSync(dataDir, { recursive: true, force: true });
});

const modeOf = (...path: string[]) => statSync(join(dataDir, ...path)).mode & 0o777;

it('closes what an earlier run left open: attachments, the inbox and what Temporal keeps', () => {
  for (const folder of ['attachments', 'sandbox']) mkdirSync(join(dataDir, folder));
  for (const file of ['temporal.db', 'temporal.db-wal', 'temporal.log']) writeFileSync(join(dataDir, file), '');
  expect([modeOf('attachments'), modeOf('temporal.db')]).toEqual([0o755, 0o644]);
  keepPrivate(dataDir);
  for (const folder of ['attachments', 'sandbox']) expect(modeOf(folder)).toBe(0o700);
  for (const file of ['temporal.db', 'temporal.db-wal', 'temporal.log']) expect(modeOf(file)).toBe(0o600);
});

it('closes what is written from then on, and leaves the data folder passable for the user of PostgreSQL', () => {
  chmodSync(dataDir, 0o755);
  keepPrivate(dataDir);
  mkdirSync(join(dataDir, 'attachments', '2030'), { recursive: true });
  writeFileSync(join(dataDir, 'temporal.db'), '');
  expect([modeOf(), modeOf('attachments'), modeOf('temporal.db')]).toEqual([0o755, 0o700, 0o600]);
});
