import type { Readable } from 'node:stream';
import type { Config } from '../config.js';
import { Verified } from './digest.js';
import type { ObjectDigest, ObjectReader } from './object-store.js';

// What the api may know of the object store: it reads, and never writes.

export { ObjectMissingError, type ObjectReader } from './object-store.js';

/** Reads from the object store that the configuration names; its library is loaded when it is first needed. */
export function createObjectReader(config: Pick<Config, 'storage'>): ObjectReader {
  let made: Promise<ObjectReader> | undefined;
  return {
    async open(storagePath) {
      made ??= import('./index.js').then(({ createObjectStore }) => createObjectStore(config));
      return (await made).open(storagePath);
    },
  };
}

/** Content that is checked on its way: what differs is cut off before its end. An error of the source ends it as well. */
export function verified(source: Readable, digest: ObjectDigest): Readable {
  const check = new Verified(digest);
  source.on('error', (error) => check.destroy(error));
  check.on('close', () => source.destroy());
  return source.pipe(check);
}
