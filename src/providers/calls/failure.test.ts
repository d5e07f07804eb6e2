import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { mailgunFailure } from '../mailgun/taxonomy.js';
import { mandrillFailure } from '../mandrill/taxonomy.js';
import { smtpFailure } from '../smtp/taxonomy.js';
import { failureOfBreak, retryAfterMs, safeCode } from './failure.js';

const CODE = /^[A-Za-z0-9_.-]{1,64}$/;

describe('a code', () => {
  test.each(['http_503', 'ECONNREFUSED', 'Invalid_Key', 'hourly-quota-exhausted'])('may be %s', (code) => {
    expect(safeCode(code, 'other')).toBe(code);
  });

  test.each([
    ['an address', 'a@example.com'],
    ['a sentence', 'Mailbox is full'],
    ['nothing', ''],
    ['too long', 'x'.repeat(65)],
    ['no text', 7],
    ['missing', undefined],
  ])('is never %s', (_, value) => {
    expect(safeCode(value, 'other')).toBe('other');
  });

  test('is safe whatever a provider says', () => {
    const headers = {};
    fc.assert(
      fc.property(fc.integer({ min: 100, max: 599 }), fc.anything(), fc.string(), (status, body, text) => {
        const answer = { kind: 'answered' as const, status, headers, body: text };
        const fault = { code: text, originalCode: text, command: text };
        const codes = [
          mailgunFailure(answer).code,
          mandrillFailure(answer, body).code,
          mandrillFailure(answer, { name: text }).code,
          failureOfBreak({ kind: 'broken', code: text, begun: true }).code,
          smtpFailure(fault, true).code,
          smtpFailure({ ...fault, responseCode: status }, false).code,
        ];
        for (const code of codes) expect(code).toMatch(CODE);
      }),
    );
  });
});

describe('a lost connection', () => {
  test('before the first byte was not taken', () => {
    const outcome = { kind: 'broken', code: 'ECONNREFUSED', begun: false } as const;
    expect(failureOfBreak(outcome)).toEqual({ kind: 'unavailable', code: 'ECONNREFUSED' });
  });

  test('after it may have been, whatever the code', () => {
    const outcome = { kind: 'broken', code: 'ECONNREFUSED', begun: true } as const;
    expect(failureOfBreak(outcome)).toEqual({ kind: 'ambiguous', code: 'ECONNREFUSED' });
  });

  test('of SMTP is decided by the final dot', () => {
    const fault = { code: 'ECONNECTION', originalCode: 'ECONNRESET', command: 'CONN' };
    expect(smtpFailure(fault, false)).toEqual({ kind: 'unavailable', code: 'ECONNRESET' });
    expect(smtpFailure(fault, true)).toEqual({ kind: 'ambiguous', code: 'ECONNRESET' });
  });
});

describe('a reply of SMTP', () => {
  test.each([
    [{ responseCode: 454, command: 'AUTH PLAIN' }, 'unavailable'],
    [{ responseCode: 500, command: 'AUTH PLAIN' }, 'misconfigured'],
    [{ responseCode: 502, command: 'EHLO' }, 'misconfigured'],
    [{ responseCode: 550, command: 'MAIL FROM' }, 'rejected'],
    [{ responseCode: 554, command: 'DATA' }, 'rejected'],
  ])('%o is %s', (fault, kind) => {
    expect(smtpFailure(fault, false).kind).toBe(kind);
  });

  test('decides even after the final dot', () => {
    expect(smtpFailure({ responseCode: 451 }, true)).toEqual({ kind: 'throttled', code: 'smtp_451' });
  });
});

describe('Retry-After', () => {
  const now = new Date('2026-11-24T12:00:00Z');
  test.each([
    ['120', 120_000],
    ['Tue, 24 Nov 2026 12:00:30 GMT', 30_000],
    ['Tue, 24 Nov 2026 11:00:00 GMT', undefined],
    ['0', undefined],
    ['1764000000', 3_600_000],
    ['9'.repeat(400), 3_600_000],
    ['Tue, 24 Nov 2099 12:00:00 GMT', 3_600_000],
    ['soon', undefined],
    ['-5', undefined],
    [undefined, undefined],
  ])('%s', (value, expected) => {
    expect(retryAfterMs({ 'retry-after': value }, now)).toBe(expected);
  });
});
