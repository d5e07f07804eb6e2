import { hostname } from 'node:os';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type OperatedApi, startOperatedApi } from '../../test/support/api.js';
import { commandLine } from '../../test/support/cli.js';
import { heartbeatRow } from '../domain/fleets/heartbeats.js';

let api: OperatedApi;
beforeAll(async () => {
  api = await startOperatedApi();
});
afterAll(() => api?.stop());

const tempost = commandLine(() => ({ TEMPOST_URL: api.url, TEMPOST_API_KEY: api.operator.key }));

describe('tempost status', () => {
  it('lists processes with what each is and does: one that is well, one that does not poll, and one that is frozen', async () => {
    const { db } = api;
    const vitals = { polling: true, slotsUsed: 3, slots: 60, lastTaskMsAgo: 4_000 };
    await heartbeatRow(db, { process: 'worker', priority: 'critical', version: '1.2.3' }).beat(vitals);
    const idle = { polling: false, slotsUsed: 0, slots: 60, lastTaskMsAgo: null };
    await heartbeatRow(db, { process: 'worker', priority: 'low', version: '1.2.3' }).beat(idle);
    await heartbeatRow(db, { process: 'dispatcher', priority: null, version: '1.2.3' }).beat(undefined);
    await sql`update process_heartbeats set beat_at = now() - interval '5 minutes', started_at = now() - interval '3 hours'
      where process = 'dispatcher'`.execute(db);
    const { out } = await tempost('status');
    const lines = out.split('\n').map((line) => line.trim().split(/ {2,}/));
    const first = lines.findIndex(([heading]) => heading === 'process');
    expect(lines[first]).toEqual([
      ...['process', 'priority', 'host', 'pid', 'version', 'runs for', 'slots', 'last task', 'state'],
    ]);
    const here = [hostname(), String(process.pid), '1.2.3'];
    const seconds = expect.stringMatching(/^\d+ (s|min)$/);
    const ago = expect.stringMatching(/^\d+ (s|min) ago$/);
    // The api of this test is listed as well.
    expect(lines.filter(([, , , , version]) => version === '1.2.3')).toEqual([
      ['dispatcher', '-', ...here, '3 h', '-', '-', expect.stringMatching(/^SILENT for \d+ min$/)],
      ['worker', 'critical', ...here, seconds, '3 of 60', ago, expect.stringMatching(/^well$|^SILENT/)],
      ['worker', 'low', ...here, seconds, '0 of 60', '-', expect.stringMatching(/^does not poll Temporal$|^SILENT/)],
    ]);
  });

  it('says what the database takes, how it grows, and for how long there is room', async () => {
    const facts = async () =>
      Object.fromEntries((await tempost('status')).out.split('\n').map((line) => line.trim().split(/ {2,}/)));
    const young = await facts();
    expect(young.database).toMatch(/^\d+(\.\d)? MB \(\w+ \d+(\.\d)? [KM]B, /);
    expect(young['it grows by']).toBe('not known before it has run for a day');
    expect(young['room on its disk']).toBe('not known: DISK_CAPACITY_GB is not set');
  });
});
