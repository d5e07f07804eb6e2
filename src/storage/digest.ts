import { createHash } from 'node:crypto';
import { Transform, type TransformCallback } from 'node:stream';
import { type ObjectDigest, ObjectMismatchError } from './object-store.js';

/** @throws ObjectMismatchError when size or hash differ. */
export function assertDigest(bytes: Buffer, digest: ObjectDigest): void {
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  if (bytes.length !== digest.sizeBytes || sha256 !== digest.sha256) throw mismatch();
}

export const mismatch = () => new ObjectMismatchError('the content is not what was expected');

/**
 * Passes content on as it is read, the last piece of it only once the whole has been checked: whoever reads it never has
 * all of what is not right, and is cut off with an ObjectMismatchError.
 */
export class Verified extends Transform {
  private readonly sha256 = createHash('sha256');
  private sizeBytes = 0;
  private held: Buffer | undefined;

  constructor(private readonly expected: ObjectDigest) {
    super();
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    this.sha256.update(chunk);
    this.sizeBytes += chunk.length;
    const before = this.held;
    this.held = chunk;
    if (this.sizeBytes > this.expected.sizeBytes) done(mismatch());
    else done(null, before);
  }

  override _flush(done: TransformCallback): void {
    const same = this.sizeBytes === this.expected.sizeBytes && this.sha256.digest('hex') === this.expected.sha256;
    done(same ? null : mismatch(), same ? this.held : undefined);
  }
}

/**
 * Passes content on and checks it on the way; content that differs ends in an ObjectMismatchError instead of an end,
 * so that whoever writes it never finishes.
 */
export class DigestCheck extends Transform {
  private readonly sha256 = createHash('sha256');
  private readonly md5 = createHash('md5');
  private sizeBytes = 0;

  constructor(private readonly expected: ObjectDigest) {
    super();
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    this.sha256.update(chunk);
    this.md5.update(chunk);
    this.sizeBytes += chunk.length;
    if (this.sizeBytes > this.expected.sizeBytes) done(mismatch());
    else done(null, chunk);
  }

  override _flush(done: TransformCallback): void {
    const same = this.sizeBytes === this.expected.sizeBytes && this.sha256.digest('hex') === this.expected.sha256;
    done(same ? null : mismatch());
  }

  /** The MD5 of what passed, in base64 as Google writes it; only once, after the end. */
  md5Base64(): string {
    return this.md5.digest('base64');
  }
}
