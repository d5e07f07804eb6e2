import fc from 'fast-check';

/** Units that are likely to be treated wrongly: NUL, line breaks, what JSON escapes, halves of a letter. */
const ODD = [0x00, 0x0a, 0x0d, 0x22, 0x5c, 0x2028, 0xd800, 0xdbff, 0xdc00, 0xdfff, 0xffff];

/**
 * Any UTF-16 unit, halves of letters alone included: `fc.string({ unit: anyUnit })` is whatever a JavaScript text can be.
 * fast-check's own unit `binary` has no halves, and takes a second to make.
 */
export const anyUnit = fc
  .oneof({ arbitrary: fc.nat(0xffff), weight: 3 }, { arbitrary: fc.constantFrom(...ODD), weight: 1 })
  .map((unit) => String.fromCharCode(unit));
