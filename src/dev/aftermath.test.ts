import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Aftermath } from './aftermath.js';

let said: string[];
let shown: string[];
let aftermath: Aftermath;
beforeEach(() => {
  vi.useFakeTimers();
  said = [];
  shown = [];
  aftermath = new Aftermath((name, sentence) => said.push(`${name}: ${sentence}`), 1_000, 200);
});
afterEach(() => void vi.useRealTimers());

const line = (fields: Record<string, unknown>) => JSON.stringify({ level: 40, ...fields });
const REFUSED = line({ msg: 'failed; will be repeated', task: 'signals', code: 'ECONNREFUSED' });
const pass = (...lines: string[]) => {
  for (const each of lines) aftermath.pass(each, () => shown.push(each));
};

it('leaves out and counts what only says that a server is away, until some time after its return', () => {
  aftermath.fell('postgres');
  pass(REFUSED, line({ msg: 'database connection lost' }), line({ msg: 'gRPC …', sdkComponent: 'core' }));
  aftermath.rose('postgres');
  pass(REFUSED, line({ level: 30, msg: 'works again', task: 'signals' }));
  vi.advanceTimersByTime(1_000);
  expect(said).toEqual(['postgres: all is well again; 5 lines about its absence were left out here']);
  expect(shown).toEqual([]);
});

it('leaves out what the processes noticed before we did', () => {
  pass(REFUSED);
  vi.advanceTimersByTime(100);
  aftermath.fell('postgres');
  vi.advanceTimersByTime(5_000);
  expect(shown).toEqual([]);
});

it('shows it, a moment later, when no server of ours is away', () => {
  pass(REFUSED);
  aftermath.fell('worker-low');
  vi.advanceTimersByTime(200);
  expect(shown).toEqual([REFUSED]);
});

it('shows everything else at once', () => {
  aftermath.fell('temporal');
  const others = [
    line({ msg: 'call failed', provider: 'mailgun', code: 'ECONNREFUSED' }),
    line({ msg: 'answer not written down yet', code: '23505' }),
    line({ level: 60, msg: 'could not start', code: 'ECONNREFUSED' }),
    line({ level: 30, msg: 'request', method: 'POST', status: 503 }),
    'plain words',
  ];
  pass(...others);
  expect(shown).toEqual(others);
});

it('lasts while another server is away', () => {
  aftermath.fell('postgres');
  aftermath.fell('temporal');
  aftermath.rose('postgres');
  vi.advanceTimersByTime(10_000);
  pass(REFUSED);
  vi.advanceTimersByTime(10_000);
  expect([shown, said]).toEqual([[], []]);
});
