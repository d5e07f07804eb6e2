import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { createQuietLog } from './quiet-log.js';

type Line = [level: string, fields: Record<string, unknown>, message: string];

function record() {
  const lines: Line[] = [];
  const write = (level: string) => (fields: unknown, message?: unknown) =>
    void lines.push([level, fields as Record<string, unknown>, String(message)]);
  return { lines, logger: { info: write('info'), warn: write('warn'), error: write('error') } as never };
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

it('what is repeated is said once, and once more when it is over', () => {
  const { lines, logger } = record();
  const log = createQuietLog(logger, { quietMs: 100 });
  for (let times = 0; times < 1_000; times++) log.error({ code: 'away', at: ['a place'] }, 'cannot be stored');
  expect(lines).toEqual([['error', { code: 'away', at: ['a place'] }, 'cannot be stored']]);
  vi.advanceTimersByTime(300);
  expect(lines).toHaveLength(2);
  expect(lines[1]).toMatchObject(['info', { code: 'away', times: 1_000 }, 'cannot be stored: over']);
  log.error({ code: 'away' }, 'cannot be stored');
  expect(lines).toHaveLength(3);
  log.stop();
});

it('what goes on is counted from time to time', () => {
  const { lines, logger } = record();
  const log = createQuietLog(logger, { quietMs: 400, reportMs: 1_000 });
  const goOn = setInterval(() => log.warn({ code: 'bad_signature' }, 'refused'), 5);
  vi.advanceTimersByTime(3_000);
  clearInterval(goOn);
  expect(lines.length).toBeGreaterThan(2);
  for (const [level, fields, message] of lines.slice(1)) {
    expect([level, message]).toEqual(['warn', 'refused: goes on']);
    expect(fields.repeated).toBeGreaterThan(0);
  }
  vi.advanceTimersByTime(1_000);
  expect(lines.at(-1)?.[2]).toBe('refused: over');
  log.stop();
});

it('different codes are different trouble; what came once is not spoken of again', () => {
  const { lines, logger } = record();
  const log = createQuietLog(logger, { quietMs: 20 });
  log.warn({ code: 'a' }, 'refused');
  log.warn({ code: 'b' }, 'refused');
  vi.advanceTimersByTime(100);
  log.warn({ code: 'a' }, 'refused');
  expect(lines.map(([, { code }]) => code)).toEqual(['a', 'b', 'a']);
  log.stop();
  expect(lines).toHaveLength(3);
});

it('at the end it says what is still counted', () => {
  const { lines, logger } = record();
  const log = createQuietLog(logger);
  log.warn({ code: 'a' }, 'refused');
  log.warn({ code: 'a' }, 'refused');
  log.stop();
  expect(lines.map(([, , message]) => message)).toEqual(['refused', 'refused: goes on']);
});

it('codes without number are one trouble from a hundred on', () => {
  const { lines, logger } = record();
  const log = createQuietLog(logger);
  for (let n = 0; n < 1_000; n++) log.warn({ code: n }, 'refused');
  expect(lines).toHaveLength(101);
  log.stop();
});
