import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PartCounter } from './part-counter.js';

const BOUNDARY = 'b--b';
const header = `multipart/form-data; boundary="${BOUNDARY}"`;

describe('PartCounter', () => {
  it('counts the same parts however the body is cut into pieces', () => {
    // Texts of the delimiter's own characters come close to it as often as possible.
    const body = fc.string({ unit: fc.constantFrom('\r', '\n', '-', 'b', 'x'), maxLength: 30 });
    const bodies = fc.array(
      body.filter((text) => !`\r\n${text}\r\n`.includes(`\r\n--${BOUNDARY}`)),
      { maxLength: 5 },
    );
    fc.assert(
      fc.property(bodies, fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1 }), (parts, lengths) => {
        const bytes = Buffer.from(`${parts.map((part) => `--${BOUNDARY}\r\n\r\n${part}\r\n`).join('')}--${BOUNDARY}--`);
        const counter = new PartCounter(header);
        for (let at = 0, i = 0; at < bytes.length; i++) {
          const length = lengths[i % lengths.length]!;
          counter.push(bytes.subarray(at, at + length));
          at += length;
        }
        expect(counter.parts).toBe(parts.length);
      }),
    );
  });
});
