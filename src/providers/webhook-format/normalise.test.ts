import fc from 'fast-check';
import { expect, it } from 'vitest';
import { anyUnit } from '../../../test/support/arbitraries/any-text.js';
import { trimMetadata } from './metadata.js';
import { boundedId, identityOf, momentOf, parseJson, storable } from './normalise.js';

const holds = (value: unknown) => {
  const json = JSON.stringify(value);
  // What PostgreSQL's jsonb refuses: the escape of U+0000, or of half a pair, that is not itself escaped.
  return !/(?<!\\)(?:\\\\)*\\u(?:0000|d[89a-f][0-9a-f]{2})/.test(json);
};

it('what jsonb cannot hold is replaced, in values and in names, and nothing else', () => {
  expect(storable({ 'a\u0000': ['\ud800', '\\u0000', '\\\u0000', '😀'] })).toEqual({
    'a\ufffd': ['\ufffd', '\\u0000', '\\\ufffd', '😀'],
  });
});

it('whatever JSON is read can be stored', () => {
  fc.assert(
    fc.property(fc.json({ stringUnit: anyUnit }), fc.string({ unit: anyUnit }), (json, text) => {
      expect(holds(parseJson(json))).toBe(true);
      expect(holds(storable([text, { [text]: text }]))).toBe(true);
    }),
  );
});

it('metadata is at most 16 KB, and no text in it more than 8 KB, whatever it is made of', () => {
  fc.assert(
    fc.property(
      fc.dictionary(
        fc.constantFrom(...'abcdefghijklmno'),
        fc.string({ unit: anyUnit, maxLength: 10_000, size: 'max' }),
      ),
      (fields) => {
        const trimmed = trimMetadata(fields);
        expect(Buffer.byteLength(JSON.stringify(trimmed))).toBeLessThanOrEqual(16_384);
        for (const value of Object.values(trimmed))
          expect(Buffer.byteLength(value as string)).toBeLessThanOrEqual(8_192);
        expect(holds(trimmed)).toBe(true);
      },
    ),
    { numRuns: 50 },
  );
});

it.each([
  ['1', 1],
  [2, 2],
  ['32767', 32_767],
  ['32768', null],
  ['0', null],
  ['-1', null],
  ['1.5', null],
  ['', null],
  [null, null],
  [{}, null],
])('an attempt is a count that its column can hold: %j', (attempt, expected) => {
  const emailId = '019ab000-0000-7000-8000-000000000001';
  expect(identityOf({ email_id: emailId, attempt, generation: attempt }, undefined)).toEqual({
    emailId,
    attempt: expected,
    generation: expected,
  });
});

it.each([undefined, null, '', 'x', -1, 0, Number.NaN, 1e300, '1e300', {}, []])('is no moment: %j', (seconds) => {
  expect(momentOf(seconds)).toBeUndefined();
});

it('an id too long for a key is replaced by its digest', () => {
  expect(boundedId('x'.repeat(200))).toHaveLength(200);
  expect(boundedId('x'.repeat(201))).toHaveLength(32);
});
