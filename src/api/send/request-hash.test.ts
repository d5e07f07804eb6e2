import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { anyUnit } from '../../../test/support/arbitraries/any-text.js';
import { hashOf } from './request-hash.js';

const MB = 1024 * 1024;
/** Characters that are hashed in three turns, the last of them short. */
const THREE_PIECES = 300 * 1024;
/** The hash as it is defined, and as keys that were used before have it. */
const atOnce = (submitted: unknown, file: unknown = null) =>
  createHash('sha256')
    .update(JSON.stringify([submitted, file]))
    .digest('hex');
const hash = async (submitted: unknown) => (await hashOf({ submitted, attachment: null })).toString('hex');

describe('the hash of a submission', () => {
  it('is that of its JSON, whatever was submitted', async () => {
    const submitted = fc.letrec((tie) => ({
      value: fc.oneof(
        { depthSize: 'small' },
        fc.constantFrom(null, true, 0, -1.5, undefined),
        fc.string({ unit: anyUnit }),
        fc.array(tie('value')),
        fc.dictionary(fc.string(), fc.string()),
      ),
    })).value;
    await fc.assert(
      fc.asyncProperty(submitted, async (value) => {
        expect(await hash(value)).toBe(atOnce(value));
      }),
    );
  });

  it('is that of its JSON where a text is long, wherever its letters are cut', async () => {
    for (const letters of ['ab\n"\\', 'ä', '你', '😀', '\ud83d', '\ude00\ud83d']) {
      for (const before of ['', 'x', 'xy']) {
        const text = before + letters.repeat(THREE_PIECES / letters.length);
        expect(await hash(['text', text])).toBe(atOnce(['text', text]));
      }
    }
  });

  it('covers the attachment: name, type, and what is in it', async () => {
    const attachment = { filename: 'a', contentType: 'b/c', sha256: '00', sizeBytes: 1 };
    const found = (await hashOf({ submitted: [], attachment })).toString('hex');
    expect(found).toBe(atOnce([], ['a', 'b/c', '00']));
  });

  it('of a large submission leaves turns to others, of a small one takes none', async () => {
    const turnsDuring = async (submitted: unknown) => {
      let turns = 0;
      let over = false;
      const count = () => {
        turns++;
        if (!over) setImmediate(count);
      };
      setImmediate(count);
      await hash(submitted);
      over = true;
      return turns;
    };
    expect(await turnsDuring(['text', 'a'.repeat(1_000)])).toBe(0);
    // 40 pieces of 128 K each: a few more or less are of no interest.
    expect(await turnsDuring(['text', '\n'.repeat(5 * MB)])).toBeGreaterThan(20);
  });
});
