import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { ApiError, type File, Storage } from '@google-cloud/storage';
import { assertDigest, DigestCheck, mismatch } from './digest.js';
import { checkedKey } from './keys.js';
import { type ObjectDigest, ObjectMissingError, type ObjectStore } from './object-store.js';

const PATH = /^gs:\/\/([^/]+)\/(.+)$/;
/** Enough for 18 MB at 5 Mbit/s, and no longer: a send may be waiting. */
const REQUEST_TIMEOUT_MS = 30_000;

/**
 * Keeps objects in a bucket of Google Cloud Storage, with the credentials of the environment.
 *
 * @param emulatorUrl `http://host:port` of a stand-in, which wants no credentials.
 */
export function createGcsStore(bucket: string, emulatorUrl?: string): ObjectStore {
  // The library would read this variable itself and build addresses from it that answer 404.
  delete process.env.STORAGE_EMULATOR_HOST;
  const storage = new Storage({
    ...(emulatorUrl && { apiEndpoint: emulatorUrl, projectId: 'emulator' }),
    timeout: REQUEST_TIMEOUT_MS,
    // The activity above tries again, visibly; the library would first spend 15 s on a store that is down.
    retryOptions: { autoRetry: false },
  });
  const fileOf = (storagePath: string) => {
    const [, name, key] = PATH.exec(storagePath) ?? [];
    if (!name || !key) throw new Error('not a path of Google Cloud Storage');
    return storage.bucket(name).file(checkedKey(key));
  };

  return {
    async put(key, open, digest, contentType) {
      const storagePath = `gs://${bucket}/${checkedKey(key)}`;
      const file = fileOf(storagePath);
      const md5 = await upload(file, open(), digest, contentType);
      if (md5 === undefined) assertDigest(await read(file), digest);
      else await assertStored(file, digest, md5);
      return storagePath;
    },
    async open(storagePath) {
      const source = fileOf(storagePath).createReadStream({ validation: false });
      try {
        await once(source, 'readable', { signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS) });
      } catch (error) {
        source.destroy();
        if (statusOf(error) === 404) throw new ObjectMissingError('there is no such object');
        throw error;
      }
      return source;
    },
    async get(storagePath, digest) {
      const bytes = await read(fileOf(storagePath));
      assertDigest(bytes, digest);
      return bytes;
    },
    async *list(folder) {
      const prefix = `${checkedKey(folder.replace(/\/$/, ''))}/`;
      let page: { pageToken?: string } | null = {};
      while (page) {
        const [files, next]: [File[], { pageToken?: string } | null, ...unknown[]] = await storage
          .bucket(bucket)
          .getFiles({ prefix, delimiter: '/', autoPaginate: false, maxResults: 1_000, ...page });
        for (const file of files) yield file.name;
        page = next?.pageToken ? { pageToken: next.pageToken } : null;
      }
    },
    async delete(storagePath) {
      await fileOf(storagePath).delete({ ignoreNotFound: true });
    },
  };
}

/**
 * Writes an object that is not there yet.
 *
 * @returns the MD5 of what was written; undefined when there is an object of this name already.
 */
async function upload(file: File, content: Readable, digest: ObjectDigest, contentType: string) {
  const check = new DigestCheck(digest);
  try {
    await pipeline(
      content,
      check,
      file.createWriteStream({
        // In one request: emulators, and retries, ignore the precondition on resumable uploads.
        resumable: false,
        preconditionOpts: { ifGenerationMatch: 0 },
        contentType,
        // We check size and hashes ourselves, below; the library's check deletes what it does not like.
        validation: false,
      }),
      { signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS) },
    );
  } catch (error) {
    if (statusOf(error) === 412) return undefined;
    throw error;
  }
  return check.md5Base64();
}

/** Reads back what the store says it holds, and takes back what arrived damaged, or no later try could succeed. */
async function assertStored(file: File, digest: ObjectDigest, md5: string): Promise<void> {
  const [{ size, md5Hash, generation }] = await file.getMetadata();
  if (Number(size) === digest.sizeBytes && md5Hash === md5) return;
  await file.delete({ ifGenerationMatch: generation });
  throw mismatch();
}

async function read(file: File): Promise<Buffer> {
  try {
    // With a limit of ours: the library's ends with the headers of the answer.
    const signal = AbortSignal.timeout(REQUEST_TIMEOUT_MS);
    return await pipeline(file.createReadStream({ validation: false }), buffer, { signal });
  } catch (error) {
    if (statusOf(error) === 404) throw new ObjectMissingError('there is no such object');
    throw error;
  }
}

function statusOf(error: unknown): number | undefined {
  return error instanceof ApiError ? error.code : undefined;
}
