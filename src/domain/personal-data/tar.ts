/** The unit in which a tar archive is written, in bytes. */
const BLOCK = 512;

/**
 * The head of a file in a tar archive (POSIX ustar), which every unpacker reads.
 *
 * @param name at most 100 ASCII characters.
 * @param sizeBytes below 8 GB.
 */
export function tarHead(name: string, sizeBytes: number, at: Date): Buffer {
  if (Buffer.byteLength(name) > 100) throw new RangeError('the name of a file in an archive is too long');
  const head = Buffer.alloc(BLOCK);
  const octal = (value: number, width: number) => `${value.toString(8).padStart(width - 1, '0')}\0`;
  head.write(name, 0, 'utf8');
  head.write(octal(0o600, 8), 100);
  head.write(octal(0, 8), 108);
  head.write(octal(0, 8), 116);
  head.write(octal(sizeBytes, 12), 124);
  head.write(octal(Math.floor(at.getTime() / 1000), 12), 136);
  // The sum of all bytes, with blanks where it stands itself.
  head.write(' '.repeat(8), 148);
  head.write('0', 156);
  head.write('ustar\u000000', 257);
  const sum = head.reduce((total, byte) => total + byte, 0);
  head.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return head;
}

/** What fills a file's last block. */
export const tarPadding = (sizeBytes: number): Buffer => Buffer.alloc((BLOCK - (sizeBytes % BLOCK)) % BLOCK);

/** Two empty blocks: an archive without them was broken off. */
export const tarEnd = (): Buffer => Buffer.alloc(2 * BLOCK);
