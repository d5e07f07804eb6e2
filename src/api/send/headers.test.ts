import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { anyUnit } from '../../../test/support/arbitraries/any-text.js';
import { headerFaults, isAllowedHeader } from './headers.js';

const codes = (headers: Record<string, string>) => headerFaults(headers).map(({ code }) => code);

describe('headers that a client sets', () => {
  it.each([
    ['X-Entity-Ref-ID', '17'],
    ['X-Note', 'Grüße, 你好'],
    ['In-Reply-To', '<a.b@example.com>'],
    ['References', '<a@example.com> <b@example.com>'],
    ['List-Id', 'Neuigkeiten für alle <news.example.com>'],
    ['List-Unsubscribe', '<https://example.com/u>, <mailto:u@example.com>'],
    ['Auto-Submitted', 'auto-generated'],
    ['Feedback-ID', 'campaign:customer:type:sender'],
    ['x-priority', '1'],
  ])('%s: %s is one', (name, value) => {
    expect(codes({ [name]: value })).toEqual([]);
  });

  it.each(
    'From To Cc Bcc Sender Reply-To Return-Path Subject Date Message-ID Received DKIM-Signature ARC-Seal Authentication-Results MIME-Version Content-Type Content-Transfer-Encoding Resent-From Delivered-To Errors-To Disposition-Notification-To Return-Receipt-To X-Mailgun-Tag X-MC-Track X-SES-CONFIGURATION-SET X-SMTPAPI X-PM-Message-Stream X-Spam-Status X- Other'.split(
      ' ',
    ),
  )('%s is none', (name) => {
    expect(codes({ [name]: 'x' })).toEqual(['header_not_allowed']);
    expect(isAllowedHeader(name.toUpperCase())).toBe(false);
  });

  it.each(['', 'X Note', 'X-Note:', 'X-Nöte', 'X-\r\nBcc', '-X', `X-${'a'.repeat(80)}`])('%j is no name', (name) => {
    expect(codes({ [name]: 'x' })).toEqual(['invalid_header_name']);
  });

  it.each([
    ['X-A', 'a\nb', 'control_character'],
    ['X-A', 'a\u0000', 'control_character'],
    ['X-A', '\ud800', 'invalid_utf8'],
    ['X-A', '', 'invalid_header_value'],
    ['X-A', ' a', 'invalid_header_value'],
    ['X-A', 'x'.repeat(901), 'too_long'],
    ['X-A', 'word '.repeat(500), 'too_long'],
    ['In-Reply-To', 'a@example.com', 'invalid_header_value'],
    ['References', '<a@example.com>, <b@example.com>', 'invalid_header_value'],
    ['Auto-Submitted', 'auto generated', 'invalid_header_value'],
    ['List-Unsubscribe', '<https://exämple.com>', 'invalid_header_value'],
  ])('%s: %j has the fault %s', (name, value, code) => {
    expect(codes({ [name]: value })).toEqual([code]);
  });

  it('are given once, whatever the case of their letters', () => {
    expect(headerFaults({ 'X-A': '1', 'x-a': '2' })).toEqual([{ name: 'x-a', code: 'repeated_field' }]);
  });

  it('are 20 at most, and 8 KB together', () => {
    const many = (count: number, value: string) =>
      Object.fromEntries(Array.from({ length: count }, (_, n) => [`X-${n}`, value]));
    expect(codes(many(20, 'x'))).toEqual([]);
    expect(codes(many(21, 'x'))).toEqual(['too_many_headers']);
    expect(codes(many(10, 'word '.repeat(200).trim()))).toEqual(['too_long']);
  });

  it('never hold a line break, whatever is accepted', () => {
    fc.assert(
      fc.property(fc.string(), fc.string({ unit: anyUnit }), (name, value) => {
        if (headerFaults({ [name]: value }).length > 0) return;
        expect(/[\r\n\0]/.test(name + value)).toBe(false);
      }),
    );
  });
});
