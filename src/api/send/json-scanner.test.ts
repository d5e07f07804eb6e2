import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { JsonScanner, ScanError } from './json-scanner.js';

const LIMITS = { depth: 8, values: 1000, nameBytes: 100 };

/** Scans a document in pieces that end at these places. */
function scan(json: string, cuts: readonly number[] = [], limits = LIMITS) {
  const kept: Buffer[] = [];
  const taken: Buffer[] = [];
  let ends = 0;
  const take = (piece: Buffer | undefined) => void (piece ? taken.push(Buffer.from(piece)) : ends++);
  const scanner = new JsonScanner(['attachment', 'content_base64'], limits, (piece) => kept.push(piece), take);
  const bytes = Buffer.from(json);
  let from = 0;
  for (const cut of [...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length].sort((a, b) => a - b)) {
    scanner.push(bytes.subarray(from, cut));
    from = cut;
  }
  return {
    kept: Buffer.concat(kept).toString(),
    taken: Buffer.concat(taken).toString(),
    ends,
    repeated: scanner.repeated,
  };
}

const cuts = fc.array(fc.nat(), { maxLength: 12 });
const json = fc.json({ maxDepth: 5 });
const base64 = fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes).toString('base64'));

describe('a document that comes in pieces', () => {
  it('is kept byte for byte, wherever the pieces end', () => {
    fc.assert(
      fc.property(json, cuts, (document, places) => {
        const { kept, taken, ends } = scan(document, places);
        expect([kept, taken, ends]).toEqual([document, '', 0]);
      }),
    );
  });

  it('gives its one large text away and keeps the rest, whatever stands around it', () => {
    fc.assert(
      fc.property(json, json, base64, cuts, (before, after, text, places) => {
        const around = (inner: string) =>
          `{"a":${before}, "attachment" : {"x":${after},"content_base64":"${inner}","y":[${before}]},"z":${after}}`;
        const { kept, taken, ends } = scan(around(text), places);
        expect([kept, taken, ends]).toEqual([around(''), text, 1]);
      }),
    );
  });

  it('gives nothing else away that has the same name', () => {
    for (const other of [
      '{"content_base64":"x"}',
      '{"attachment":[{"content_base64":"x"}]}',
      '{"attachment":"content_base64"}',
      '{"a":{"attachment":{"content_base64":"x"}}}',
      '{"attachment":{"content_base64":["x"]}}',
      '{"attachment":{"content_base64":{"content_base64":"x"}}}',
      '[{"attachment":{"content_base64":"x"}}]',
    ]) {
      expect(scan(other)).toMatchObject({ kept: other, ends: 0 });
    }
  });
});

describe('a name that is given twice', () => {
  it.each([
    ['{"a":1,"a":1}', ['a']],
    ['{"a":1,"\\u0061":1}', ['a']],
    ['{"m":{"b":1,"c":2,"b":1},"b":1}', ['m.b']],
    ['{"m":[{"b":1},{"b":1}]}', []],
    ['{"a":"a","b":["a","a"]}', []],
    ['{"__proto__":1,"__proto__":2}', ['__proto__']],
  ])('%s', (document, repeated) => {
    expect(scan(document).repeated).toEqual(repeated);
  });

  it('is found wherever the pieces end', () => {
    fc.assert(
      fc.property(cuts, (places) => {
        expect(scan('{"a\\"b":1,"a\\"b":2}', places).repeated).toEqual(['a"b']);
      }),
    );
  });
});

describe('many names that are given twice', () => {
  it('cost no more than they are long, however deep they lie', () => {
    const names = Array.from({ length: 900 }, () => '"a":1').join(',');
    const document = `${`{"${'n'.repeat(100)}":`.repeat(7)}{${names}}${'}'.repeat(7)}`;
    const { repeated } = scan(document);
    expect(repeated.length).toBeGreaterThan(0);
    expect(repeated.join('').length).toBeLessThanOrEqual(document.length);
  });
});

describe('a document beyond the limits', () => {
  it.each([
    ['deep', '['.repeat(9)],
    ['deep, of objects', '{"a":'.repeat(9)],
    ['of many items', `[${'1,'.repeat(1001)}1]`],
    ['of many objects', '[]'.repeat(1001)],
    ['with a long name', `{"${'x'.repeat(101)}":1}`],
  ])('%s is refused before anything is built of it', (_, document) => {
    expect(() => scan(document)).toThrow(ScanError);
  });

  it('of whatever bytes never throws anything else', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), cuts, (bytes, places) => {
        try {
          scan(Buffer.from(bytes).toString('latin1'), places);
        } catch (error) {
          expect(error).toBeInstanceOf(ScanError);
        }
      }),
    );
  });
});
