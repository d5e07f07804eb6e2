import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Aftermath } from './aftermath.js';

let said: string[];
let aftermath: Aftermath;
beforeEach(() => {
  vi.useFakeTimers();
  said = [];
  aftermath = new Aftermath((name, sentence) => said.push(`${name}: ${sentence}`), 1_000);
});
afterEach(() => void vi.useRealTimers());

const line = (fields: Record<string, unknown>) => JSON.stringify({ level: 40, ...fields });
const REFUSED = line({ msg: 'failed; will be repeated', task: 'signals', code: 'ECONNREFUSED' });

it('leaves out and counts what only says that a server is away, until some time after its return', () => {
  expect(aftermath.hides(REFUSED)).toBe(false);
  aftermath.fell('postgres');
  const lines = [REFUSED, line({ msg: 'database connection lost' }), line({ msg: 'gRPC …', sdkComponent: 'core' })];
  for (const each of lines) expect(aftermath.hides(each)).toBe(true);
  aftermath.rose('postgres');
  expect(aftermath.hides(REFUSED)).toBe(true);
  vi.advanceTimersByTime(1_000);
  expect(said).toEqual(['postgres: all is well again; 4 lines about its absence were left out here']);
  expect(aftermath.hides(REFUSED)).toBe(false);
});

it('shows everything else meanwhile', () => {
  aftermath.fell('temporal');
  for (const shown of [
    line({ msg: 'call failed', provider: 'mailgun', code: 'ECONNREFUSED' }),
    line({ msg: 'answer not written down yet', code: '23505' }),
    line({ level: 60, msg: 'could not start', code: 'ECONNREFUSED' }),
    line({ level: 30, msg: 'request', method: 'POST', status: 503 }),
    'plain words',
  ]) {
    expect(aftermath.hides(shown), shown).toBe(false);
  }
});

it('does not begin with the death of a process of ours, and lasts while another server is away', () => {
  aftermath.fell('worker-low');
  expect(aftermath.hides(REFUSED)).toBe(false);
  aftermath.fell('postgres');
  aftermath.fell('temporal');
  aftermath.rose('postgres');
  vi.advanceTimersByTime(10_000);
  expect(aftermath.hides(REFUSED)).toBe(true);
  expect(said).toEqual([]);
});
