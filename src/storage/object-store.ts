import type { Readable } from 'node:stream';

/** What is known of an object before it is written; the store verifies both after writing. */
export interface ObjectDigest {
  readonly sizeBytes: number;
  /** Hexadecimal. */
  readonly sha256: string;
}

/** Reads what is kept; all that who only shows attachments may do. */
export interface ObjectReader {
  /**
   * Opens an object's content, unverified: see `Verified`.
   *
   * @param storagePath as `put` returned it.
   * @throws ObjectMissingError when there is none.
   */
  open(storagePath: string): Promise<Readable>;
}

/** Where attachments are kept. Keys are deterministic, so that writing twice is writing once. */
export interface ObjectStore extends ObjectReader {
  /**
   * Writes an object unless it is already there with the same content, then reads back what the store says it holds.
   *
   * @param key for example `attachments/2026/11/24/<email id>`.
   * @param open opens the content from its beginning; called again for another try.
   * @returns the storage path, such as `gs://bucket/key` or `file:key`.
   * @throws ObjectMismatchError when the content differs from `digest`, or another object has the key.
   */
  put(key: string, open: () => Readable, digest: ObjectDigest, contentType: string): Promise<string>;
  /**
   * Reads an object whole.
   *
   * @param storagePath as `put` returned it.
   * @throws ObjectMissingError when there is none; ObjectMismatchError when size or hash differ.
   */
  get(storagePath: string, digest: ObjectDigest): Promise<Buffer>;
  /**
   * Lists the keys of a folder, in no order.
   *
   * @param folder for example `attachments/2026/11/24/`; one that is not there is empty.
   */
  list(folder: string): AsyncIterable<string>;
  /** Deletes an object; one that is not there is deleted already. */
  delete(storagePath: string): Promise<void>;
}

/** The bytes are not those that were announced: of another length or digest. */
export class ObjectMismatchError extends Error {
  override readonly name = 'ObjectMismatchError';
}

/** There is no object at this path. */
export class ObjectMissingError extends Error {
  override readonly name = 'ObjectMissingError';
}
