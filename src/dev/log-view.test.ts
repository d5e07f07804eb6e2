import { expect, it } from 'vitest';
import { formatLine, isWorthShowing } from './log-view.js';

const json = (fields: Record<string, unknown>) =>
  JSON.stringify({ time: '2026-01-02T03:04:05.678Z', service: 'api', pid: 1, ...fields });

const view = (line: string) => formatLine('api', line, 5, false).replace(/^\d\d:\d\d:\d\d /, '');

it('shows a JSON line as time, process, message and ids', () => {
  const line = json({ level: 30, msg: 'accepted', emailId: 'e1', priority: 'low' });
  expect(formatLine('api', line, 5, false)).toMatch(/^\d\d:\d\d:05 api {3}accepted emailId=e1 priority=low$/);
});

it('marks what is worse than information', () => {
  expect(view(json({ level: 40, msg: 'lost' }))).toBe('api   WARN lost');
  expect(view(json({ level: 50, msg: 'lost' }))).toBe('api   ERROR lost');
});

it('shows an error as its code and the first line of its message, without its stack', () => {
  const err = { type: 'Error', message: 'no answer\nmore', code: 'ECONNREFUSED', stack: 'at …' };
  expect(view(json({ level: 50, msg: 'failed', err }))).toBe('api   ERROR failed err="ECONNREFUSED no answer"');
});

it('shows whatever else a process writes as it is', () => {
  for (const line of ['plain words', '{"not": "ours"}', '{broken']) expect(view(line)).toBe(`api   ${line}`);
});

it('keeps requests that only read and went well to itself', () => {
  const request = { level: 30, msg: 'request', method: 'GET', status: 200 };
  expect(isWorthShowing(json(request))).toBe(false);
  for (const other of [{ method: 'POST' }, { status: 404 }, { level: 40 }]) {
    expect(isWorthShowing(json({ ...request, ...other }))).toBe(true);
  }
  expect(isWorthShowing('plain words')).toBe(true);
});
