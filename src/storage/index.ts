import type { Config } from '../config.js';
import { createFileStore } from './file-store.js';
import { createGcsStore } from './gcs-store.js';
import type { ObjectStore } from './object-store.js';

/** The object store that the configuration names. */
export function createObjectStore({ storage }: Pick<Config, 'storage'>): ObjectStore {
  return storage.kind === 'gcs'
    ? createGcsStore(storage.bucket, storage.emulatorUrl)
    : createFileStore(storage.directory);
}
