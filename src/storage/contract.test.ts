import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { type FakeGcs, skipGcs, startFakeGcs } from '../../test/support/servers/fake-gcs.js';
import { startHttp } from '../../test/support/servers/scripted-servers.js';
import { createFileStore } from './file-store.js';
import { createGcsStore } from './gcs-store.js';
import { type ObjectDigest, ObjectMismatchError, ObjectMissingError, type ObjectStore } from './object-store.js';
import { verified } from './reader.js';

const digestOf = (bytes: Buffer): ObjectDigest => ({
  sizeBytes: bytes.length,
  sha256: createHash('sha256').update(bytes).digest('hex'),
});
const contentOf = (bytes: Buffer) => () => Readable.from([bytes], { objectMode: false });
const TEXT = Buffer.from('some content');
const put = (store: ObjectStore, key: string, bytes = TEXT, digest = digestOf(bytes)) =>
  store.put(key, contentOf(bytes), digest, 'application/octet-stream');

interface Stage {
  readonly store: ObjectStore;
  readonly prefix: string;
  /** Changes an object behind the store's back. */
  corrupt(key: string, bytes: Buffer): Promise<void>;
  stop(): Promise<void>;
}

async function fileStage(): Promise<Stage> {
  const directory = await mkdtemp(join(tmpdir(), 'tempost-files-'));
  return {
    store: createFileStore(directory),
    prefix: 'file:',
    corrupt: (key, bytes) => writeFile(join(directory, key), bytes),
    stop: () => rm(directory, { recursive: true, force: true }),
  };
}

async function gcsStage(): Promise<Stage> {
  const server: FakeGcs = await startFakeGcs();
  await server.createBucket('attachments');
  return {
    store: createGcsStore('attachments', server.url),
    prefix: 'gs://attachments/',
    async corrupt(key, bytes) {
      const url = `${server.url}/upload/storage/v1/b/attachments/o?uploadType=media&name=${encodeURIComponent(key)}`;
      const answer = await fetch(url, { method: 'POST', body: new Uint8Array(bytes) });
      expect(answer.ok).toBe(true);
    },
    stop: () => server.stop(),
  };
}

const stages = [['file', fileStage], ...(skipGcs ? [] : [['gcs', gcsStage] as const])] as const;

describe.each(stages)('%s', (_, start) => {
  let stage: Stage;
  beforeAll(async () => {
    stage = await start();
  });
  afterAll(() => stage?.stop());

  test('what was put can be got by its path', async () => {
    const path = await put(stage.store, 'attachments/2026/11/24/one');
    expect(path).toBe(`${stage.prefix}attachments/2026/11/24/one`);
    expect(await stage.store.get(path, digestOf(TEXT))).toEqual(TEXT);
  });

  test('what was put can be read as a stream, checked on its way', async () => {
    const bytes = randomBytes(1024 * 1024);
    const path = await put(stage.store, 'streamed', bytes);
    expect(digestOf(await buffer(verified(await stage.store.open(path), digestOf(bytes))))).toEqual(digestOf(bytes));
  });

  test('a stream of what has changed breaks off before its end', async () => {
    const path = await put(stage.store, 'changed');
    await stage.corrupt('changed', Buffer.from('SOME content'));
    const pieces: Buffer[] = [];
    const reading = (async () => {
      for await (const piece of verified(await stage.store.open(path), digestOf(TEXT))) pieces.push(piece);
    })();
    await expect(reading).rejects.toThrow(ObjectMismatchError);
    expect(Buffer.concat(pieces).length).toBeLessThan(TEXT.length);
  });

  test('what is not there cannot be opened', async () => {
    await expect(stage.store.open(`${stage.prefix}nowhere`)).rejects.toThrow(ObjectMissingError);
  });

  test('to put twice is to put once', async () => {
    const first = await put(stage.store, 'twice');
    expect(await put(stage.store, 'twice')).toBe(first);
    expect(await stage.store.get(first, digestOf(TEXT))).toEqual(TEXT);
  });

  test('an empty object is an object', async () => {
    const path = await put(stage.store, 'empty', Buffer.alloc(0));
    expect(await stage.store.get(path, digestOf(Buffer.alloc(0)))).toHaveLength(0);
  });

  test('18 MB are streamed, in many pieces', async () => {
    const piece = randomBytes(256 * 1024);
    const bytes = Buffer.concat(Array.from({ length: 72 }, () => piece));
    const open = () => Readable.from(Array.from({ length: 72 }, () => piece));
    const path = await stage.store.put('large', open, digestOf(bytes), 'application/pdf');
    expect(digestOf(await stage.store.get(path, digestOf(bytes)))).toEqual(digestOf(bytes));
  });

  test.each([
    ['shorter', TEXT.subarray(1)],
    ['longer', Buffer.concat([TEXT, TEXT])],
    ['different', Buffer.from('SOME content')],
  ])('content that is %s than announced is refused and leaves nothing behind', async (kind, bytes) => {
    await expect(put(stage.store, `wrong/${kind}`, bytes, digestOf(TEXT))).rejects.toThrow(ObjectMismatchError);
    await expect(stage.store.get(`${stage.prefix}wrong/${kind}`, digestOf(bytes))).rejects.toThrow(ObjectMissingError);
    await expect(put(stage.store, `wrong/${kind}`)).resolves.toBeTruthy();
  });

  test('a source that fails leaves nothing behind, and another try works', async () => {
    const broken = () =>
      Readable.from(
        (async function* () {
          yield TEXT.subarray(0, 4);
          throw new Error('the spool is away');
        })(),
      );
    await expect(stage.store.put('broken', broken, digestOf(TEXT), 'text/plain')).rejects.toThrow('the spool is away');
    await expect(stage.store.get(`${stage.prefix}broken`, digestOf(TEXT))).rejects.toThrow(ObjectMissingError);
    await expect(put(stage.store, 'broken')).resolves.toBeTruthy();
  });

  test('an object is never replaced by another', async () => {
    const path = await put(stage.store, 'taken');
    await expect(put(stage.store, 'taken', Buffer.from('other content'))).rejects.toThrow(ObjectMismatchError);
    expect(await stage.store.get(path, digestOf(TEXT))).toEqual(TEXT);
  });

  test('two that put one key at once both succeed', async () => {
    const bytes = randomBytes(1024 * 1024);
    const paths = await Promise.all([1, 2, 3, 4].map(() => put(stage.store, 'at-once', bytes)));
    expect(new Set(paths).size).toBe(1);
    expect((await stage.store.get(paths[0] as string, digestOf(bytes))).equals(bytes)).toBe(true);
  });

  test('what is not there is missing', async () => {
    await expect(stage.store.get(`${stage.prefix}nothing`, digestOf(TEXT))).rejects.toThrow(ObjectMissingError);
  });

  test.each([
    ['changed', Buffer.from('SOME content')],
    ['cut short', TEXT.subarray(0, 5)],
  ])('an object that was %s is not handed out', async (_kind, bytes) => {
    const path = await put(stage.store, 'corrupted');
    await stage.corrupt('corrupted', bytes);
    await expect(stage.store.get(path, digestOf(TEXT))).rejects.toThrow(ObjectMismatchError);
    await stage.store.delete(path);
  });

  test('lists the keys of a folder, and of no other', async () => {
    const list = async (folder: string) => {
      const keys: string[] = [];
      for await (const key of stage.store.list(folder)) keys.push(key);
      return keys.sort();
    };
    for (const key of ['listed/a/one', 'listed/a/two', 'listed/ab/three', 'listed/a/deep/four'])
      await put(stage.store, key);
    expect(await list('listed/a/')).toEqual(['listed/a/one', 'listed/a/two']);
    expect(await list('listed/none/')).toEqual([]);
    await expect(list('../')).rejects.toThrow('not an object key');
  });

  test('to delete twice is to delete once', async () => {
    const path = await put(stage.store, 'deleted');
    await stage.store.delete(path);
    await stage.store.delete(path);
    await expect(stage.store.get(path, digestOf(TEXT))).rejects.toThrow(ObjectMissingError);
  });

  test.each(['', '/etc/passwd', '../up', 'a/../../up', 'a/./b', 'a//b', 'a/', '.hidden', 'a\\b', 'a b', 'a\0b'])(
    'the key %j is refused',
    async (key) => {
      await expect(put(stage.store, key)).rejects.toThrow('not an object key');
      await expect(stage.store.get(stage.prefix + key, digestOf(TEXT))).rejects.toThrow(/^not a/);
      await expect(stage.store.delete(stage.prefix + key)).rejects.toThrow(/^not a/);
    },
  );

  test('the path of another store is refused', async () => {
    await expect(stage.store.get('elsewhere:key', digestOf(TEXT))).rejects.toThrow('not a path');
  });
});

describe('the file store', () => {
  let directory: string;
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'tempost-files-'));
  });
  afterAll(() => rm(directory, { recursive: true, force: true }));
  const incoming = () => readdir(join(directory, '.incoming'));

  test('leaves no draft behind', async () => {
    const store = createFileStore(directory);
    await put(store, 'right');
    await put(store, 'right');
    await expect(put(store, 'wrong', TEXT, digestOf(Buffer.from('x')))).rejects.toThrow(ObjectMismatchError);
    expect(await incoming()).toEqual([]);
  });

  test('removes the drafts of a process that died, and no others', async () => {
    const yesterday = new Date(Date.now() - 24 * 60 * 60 * 1000);
    await writeFile(join(directory, '.incoming', 'old'), 'x');
    await utimes(join(directory, '.incoming', 'old'), yesterday, yesterday);
    await writeFile(join(directory, '.incoming', 'new'), 'x');
    await put(createFileStore(directory), 'another');
    expect(await incoming()).toEqual(['new']);
  });
});

test('an object that arrives damaged is taken back, so that another try can succeed', async () => {
  const deleted: string[] = [];
  const server = await startHttp((request, response) => {
    request.resume();
    if (request.method === 'DELETE') deleted.push(request.url ?? '');
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ name: 'a', size: String(TEXT.length), md5Hash: 'damaged', generation: '7' }));
  });
  await expect(put(createGcsStore('attachments', server.url), 'a')).rejects.toThrow(ObjectMismatchError);
  expect(deleted).toEqual([expect.stringContaining('ifGenerationMatch=7')]);
  await server.stop();
});

test("the variable for emulators is ours to read, not the library's", () => {
  vi.stubEnv('STORAGE_EMULATOR_HOST', 'http://127.0.0.1:1');
  createGcsStore('attachments');
  expect(process.env.STORAGE_EMULATOR_HOST).toBeUndefined();
  vi.unstubAllEnvs();
});
