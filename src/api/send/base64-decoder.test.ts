import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Base64Decoder } from './base64-decoder.js';

function decode(pieces: readonly string[]): Buffer | undefined {
  const decoder = new Base64Decoder();
  const bytes = Buffer.concat(pieces.map((piece) => decoder.push(piece)));
  decoder.end();
  return decoder.valid ? bytes : undefined;
}

describe('base64 in pieces', () => {
  it('is the bytes it was made of, wherever the pieces and the lines end', () => {
    const property = fc.property(
      fc.uint8Array({ maxLength: 300 }),
      fc.integer({ min: 1, max: 90 }),
      (bytes, length) => {
        const text = Buffer.from(bytes).toString('base64').replace(/.{76}/g, '$&\r\n');
        const pieces = text.match(new RegExp(`[^]{1,${length}}`, 'g')) ?? [];
        expect(decode(pieces)).toEqual(Buffer.from(bytes));
      },
    );
    fc.assert(property);
  });

  it.each([
    'QQ',
    'QUI',
    'Q',
    'QUJD=',
    'Q===',
    'QQ==QUJD',
    'QU JD',
    'QU-D',
    'QU_D',
    'data:text/plain;base64,QUJD',
    'QÜJD',
  ])('%s is none', (text) => {
    expect(decode([text])).toBeUndefined();
    expect(decode([...text])).toBeUndefined();
  });

  it('of nothing is nothing', () => {
    expect(decode([])).toEqual(Buffer.alloc(0));
  });
});
