import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { textOfField, UrlencodedForm } from './form.js';
import { NotUnderstoodError } from './format.js';
import { MultipartForm } from './multipart.js';

/** In pieces of every size. */
const inPieces = (body: Buffer, sizeBytes: number) =>
  Array.from({ length: Math.ceil(body.length / sizeBytes) }, (_, n) =>
    body.subarray(n * sizeBytes, (n + 1) * sizeBytes),
  );

function urlencoded(body: Buffer, pieceBytes: number, mostFields = 1_000) {
  const form = new UrlencodedForm(mostFields);
  for (const piece of inPieces(body, pieceBytes)) form.push(piece);
  return form.fields().map((field) => [field.name, textOfField(field)]);
}

describe('an urlencoded form', () => {
  it('is what the URL standard makes of it, in whatever pieces it comes', () => {
    const letters = fc.string({
      unit: fc.constantFrom('a', 'F', '0', '%', '&', '=', '+', '%4', '%41', '%C3%BC', '%FF', '%zz'),
    });
    fc.assert(
      fc.property(letters, fc.integer({ min: 1, max: 9 }), (text, pieceBytes) => {
        expect(urlencoded(Buffer.from(text), pieceBytes)).toEqual([...new URLSearchParams(text)]);
      }),
      { numRuns: 500 },
    );
  });

  it('gives back what any client has put into it', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.string(), fc.string())),
        fc.integer({ min: 1, max: 50 }),
        (pairs, pieceBytes) => {
          expect(urlencoded(Buffer.from(new URLSearchParams(pairs).toString()), pieceBytes)).toEqual(pairs);
        },
      ),
    );
  });

  it('is given up at the first field too many, and at a name without end', () => {
    expect(urlencoded(Buffer.from('a&b&c'), 100, 3)).toHaveLength(3);
    expect(() => urlencoded(Buffer.from('a&b&c&'), 100, 3)).toThrow(NotUnderstoodError);
    expect(() => new UrlencodedForm(3).push(Buffer.alloc(1_001, 'x'))).toThrow(NotUnderstoodError);
    expect(urlencoded(Buffer.from(`a=${'x'.repeat(100_000)}`), 64)).toEqual([['a', 'x'.repeat(100_000)]]);
  });
});

describe('a multipart form', () => {
  async function multipart(form: FormData, pieceBytes: number, mostFields = 10, mostBytes = 1_000) {
    const response = new Response(form);
    const sink = new MultipartForm(response.headers.get('content-type')!, mostFields, mostBytes);
    const body = Buffer.from(await response.arrayBuffer());
    let heldBytes = 0;
    for (const piece of inPieces(body, pieceBytes)) heldBytes += sink.push(piece);
    expect(heldBytes).toBeLessThanOrEqual(mostBytes);
    return sink.fields();
  }

  it.each([7, 1_000, 100_000])(
    'gives its fields in order, without files, in pieces of %d bytes',
    async (pieceBytes) => {
      const form = new FormData();
      form.append('b', '2');
      form.append('file', new Blob(['x'.repeat(50_000)]), 'x.eml');
      form.append('a', 'ü&=+ %');
      form.append('b', '3');
      expect(await multipart(form, pieceBytes)).toEqual([
        ['b', '2'],
        ['a', 'ü&=+ %'],
        ['b', '3'],
      ]);
    },
  );

  it('is given up beyond its bounds', async () => {
    const of = (count: number, value: string | Blob) => {
      const form = new FormData();
      for (let n = 0; n < count; n++) form.append(`n${n}`, value as string);
      return form;
    };
    expect(await multipart(of(10, 'x'), 100)).toHaveLength(10);
    await expect(multipart(of(11, 'x'), 100)).rejects.toThrow('too many fields');
    await expect(multipart(of(10, 'x'.repeat(200)), 100)).rejects.toThrow('too long');
    await expect(multipart(of(31, new Blob(['x'])), 100)).rejects.toThrow('too many parts');
  });

  it.each(['', '; boundary=', `; boundary=${'x'.repeat(71)}`, `; boundary="${'x'.repeat(71)}"`])(
    'is not understood with the boundary "%s"',
    (boundary) => {
      expect(() => new MultipartForm(`multipart/form-data${boundary}`, 10, 1_000)).toThrow(NotUnderstoodError);
    },
  );

  it('that breaks off is not understood', async () => {
    const form = new MultipartForm('multipart/form-data; boundary=b', 10, 1_000);
    form.push(Buffer.from('--b\r\nContent-Disposition: form-data; name="a"\r\n\r\nx'));
    await expect(form.fields()).rejects.toThrow(NotUnderstoodError);
  });
});
