import type { Config } from '../config.js';
import { createFileStore } from './file-store.js';
import type { ObjectStore } from './object-store.js';

/** The object store that the configuration names. Google's library takes a fifth of a second to load: only where it is used. */
export async function createObjectStore({ storage }: Pick<Config, 'storage'>): Promise<ObjectStore> {
  if (storage.kind === 'file') return createFileStore(storage.directory);
  const { createGcsStore } = await import('./gcs-store.js');
  return createGcsStore(storage.bucket, storage.emulatorUrl);
}
