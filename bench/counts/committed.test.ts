import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { accept, type CommittedCounts, compareCounts, failures, readCommitted, writeCommitted } from './committed.js';
import { type Counts, type CountsByKind, KIND_NAMES, METRICS, typicalCounts } from './metrics.js';

const PLAIN: Counts = {
  statements: 50,
  transactions: 10,
  wal_bytes: 7_000,
  events: 24,
  actions: 7,
  history_bytes: 3_600,
};
const NOW: CountsByKind = { plain: PLAIN, attached: PLAIN, failed_over: PLAIN, webhook: PLAIN };
const COMMITTED: CommittedCounts = { counts: NOW, changes: [] };
const withPlain = (changed: Partial<Counts>): CountsByKind => ({ ...NOW, plain: { ...PLAIN, ...changed } });
const failed = (counts: CountsByKind, committed = COMMITTED) =>
  failures(compareCounts(committed, counts)).map(({ kind, metric }) => `${kind}.${metric}`);

describe('the counts of an e-mail', () => {
  it.each<Partial<Counts>>([
    { statements: 52 },
    { transactions: 11 },
    { wal_bytes: 7_211 },
    { events: 25 },
    { actions: 8 },
    { history_bytes: 3_709 },
  ])('fail with %j: a rise of more than 3 %', (risen) => {
    expect(failed(withPlain(risen))).toEqual([`plain.${Object.keys(risen)[0]}`]);
  });

  it('pass when nothing has risen by more than 3 %, or something has fallen', () => {
    expect(failed(NOW)).toEqual([]);
    expect(failed(withPlain({ statements: 51, wal_bytes: 7_210, history_bytes: 3_000, events: 12 }))).toEqual([]);
  });

  it('fail when something could not be counted, or nothing is committed of it', () => {
    expect(failed(withPlain({ events: Number.NaN }))).toEqual(['plain.events']);
    const { wal_bytes: _, ...known } = PLAIN;
    expect(failed(NOW, { counts: { ...NOW, webhook: known }, changes: [] })).toEqual(['webhook.wal_bytes']);
    expect(failed(NOW, { counts: {}, changes: [] })).toHaveLength(KIND_NAMES.length * METRICS.length);
  });

  it('fail for many small rises as for a large one: they are compared with what was accepted', () => {
    expect(failed(withPlain({ statements: 51 }))).toEqual([]);
    expect(failed(withPlain({ statements: 52 }))).toEqual(['plain.statements']);
  });

  it('are accepted with their reason and what they were; bytes that differ by chance stay', () => {
    const about = { reason: 'a feature', date: '2026-11-29' };
    const counts = withPlain({ statements: 51, wal_bytes: 7_050 });
    const accepted = accept(COMMITTED, compareCounts(COMMITTED, counts), about);
    expect(accepted.counts.plain).toEqual({ ...PLAIN, statements: 51 });
    expect(accepted.changes).toEqual([{ ...about, counts: { 'plain.statements': [50, 51] } }]);
    expect(accept(accepted, compareCounts(accepted, counts), about)).toBe(accepted);
  });

  it('are what a quarter does not exceed: what comes on top on a busy machine is left out', () => {
    const counts = [63, 50, 52, 50, 90].map((statements) => ({ ...PLAIN, statements }));
    expect(typicalCounts(counts).statements).toBe(50);
  });

  it('are, of bytes, the median of those that had nothing on top', () => {
    const counts = [27, 24, 27, 24, 24].map((events, n) => {
      return { ...PLAIN, events, history_bytes: [3_960, 3_594, 3_959, 3_600, 3_601][n]! };
    });
    expect(typicalCounts(counts)).toMatchObject({ events: 24, history_bytes: 3_600 });
  });
});

describe('the file of committed counts', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tempost-counts-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  it('is read as it was written', () => {
    const file = join(folder, 'counts.json');
    expect(readCommitted(file)).toEqual({ counts: {}, changes: [] });
    const first = accept(readCommitted(file), compareCounts(readCommitted(file), NOW), { reason: 'x', date: 'y' });
    writeCommitted(file, first);
    expect(readCommitted(file)).toEqual(first);
    expect(readFileSync(file, 'utf8')).toContain('"plain.statements": [null, 50]');
  });

  it('knows every kind and metric, and a reason for each change', () => {
    const { counts, changes } = readCommitted(fileURLToPath(new URL('../counts.json', import.meta.url)));
    for (const kind of KIND_NAMES) expect(Object.keys(counts[kind] ?? {})).toEqual([...METRICS]);
    expect(changes.length).toBeGreaterThan(0);
    for (const { reason } of changes) expect(reason).not.toBe('');
  });
});
