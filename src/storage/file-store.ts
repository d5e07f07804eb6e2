import { randomUUID } from 'node:crypto';
import {
  type FileHandle,
  link,
  mkdir,
  open as openFile,
  readdir,
  readFile,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises';
import { dirname, join, relative, sep } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { assertDigest, DigestCheck } from './digest.js';
import { checkedKey } from './keys.js';
import { type ObjectDigest, ObjectMissingError, type ObjectStore } from './object-store.js';

const SCHEME = 'file:';
/** Keys never begin with a dot, so this is nobody's. */
const INCOMING = '.incoming';
/** No upload lasts this long: what is older was left by a process that died. */
const ABANDONED_MS = 60 * 60 * 1000;

/**
 * Keeps objects as files of one directory; several processes on one machine may share it, if one user runs them: the
 * files are people's mail, and closed to others.
 */
export function createFileStore(directory: string): ObjectStore {
  const incoming = join(directory, INCOMING);
  const fileOf = (storagePath: string) => {
    if (!storagePath.startsWith(SCHEME)) throw new Error('not a path of the file store');
    return join(directory, checkedKey(storagePath.slice(SCHEME.length)));
  };
  // Best effort: a file that cannot be removed now is removed at the next start.
  const swept = sweep(incoming).catch(() => {});

  return {
    async put(key, open, digest) {
      const storagePath = SCHEME + checkedKey(key);
      const target = fileOf(storagePath);
      await swept;
      await mkdir(incoming, { recursive: true, mode: 0o700 });
      await mkdir(dirname(target), { recursive: true, mode: 0o700 });
      const draft = join(incoming, randomUUID());
      try {
        await writeDurably(draft, open(), digest);
        await publish(draft, target);
      } finally {
        await rm(draft, { force: true });
      }
      await syncDirectories(directory, dirname(target));
      // What the store holds now: ours, or what was there before.
      assertDigest(await read(target), digest);
      return storagePath;
    },
    async open(storagePath) {
      const handle = await opened(fileOf(storagePath));
      return handle.createReadStream();
    },
    async get(storagePath, digest) {
      const bytes = await read(fileOf(storagePath));
      assertDigest(bytes, digest);
      return bytes;
    },
    async *list(folder) {
      const key = checkedKey(folder.replace(/\/$/, ''));
      for (const entry of await entriesOf(join(directory, key))) {
        if (entry.isFile()) yield `${key}/${entry.name}`;
      }
    },
    async delete(storagePath) {
      const file = fileOf(storagePath);
      await rm(file, { force: true });
    },
  };
}

/** Writes and checks a file, and returns only when it is on the disk. */
async function writeDurably(path: string, content: Readable, digest: ObjectDigest): Promise<void> {
  const file = await openFile(path, 'wx', 0o600);
  try {
    // Not a write stream: one that does not close the file never ends the pipeline, and we need the file open to sync.
    await pipeline(content, new DigestCheck(digest), (checked) => writeFile(file, checked));
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Gives a finished file its name, whole or not at all. A link, not a rename: a rename would replace what is there. */
async function publish(draft: string, target: string): Promise<void> {
  try {
    await link(draft, target);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}

/** Makes new names durable: each directory from `last` up to `first` may hold one. */
async function syncDirectories(first: string, last: string): Promise<void> {
  // Windows cannot open a directory, and its file systems journal names by themselves.
  if (process.platform === 'win32') return;
  const steps = relative(first, last).split(sep).filter(Boolean);
  for (let depth = steps.length; depth >= 0; depth -= 1) {
    const handle = await openFile(join(first, ...steps.slice(0, depth)), 'r');
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  }
}

async function entriesOf(folder: string) {
  try {
    return await readdir(folder, { withFileTypes: true });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

const read = (file: string): Promise<Buffer> => readFile(file).catch(missing);

const opened = (file: string): Promise<FileHandle> => openFile(file, 'r').catch(missing);

function missing(error: NodeJS.ErrnoException): never {
  if (error.code === 'ENOENT') throw new ObjectMissingError('there is no such object');
  throw error;
}

async function sweep(incoming: string): Promise<void> {
  const names = await readdir(incoming);
  for (const name of names) {
    const file = join(incoming, name);
    const { mtimeMs } = await stat(file);
    if (mtimeMs < Date.now() - ABANDONED_MS) await rm(file, { force: true });
  }
}
