import { chmodSync } from 'node:fs';
import { join } from 'node:path';

/** What earlier releases left open to every user of the machine. A closed folder closes what is in it. */
const PRIVATE_FOLDERS = ['attachments', 'sandbox'];
const PRIVATE_FILES = ['temporal.db', 'temporal.db-wal', 'temporal.db-shm', 'temporal.log'];

/**
 * Keeps what this process and its children write to themselves from here on: attachments, the inbox and Temporal's
 * database are people's mail. The data folder itself stays passable: as root, PostgreSQL runs as another user.
 */
export function keepPrivate(dataDir: string): void {
  process.umask(0o077);
  for (const name of PRIVATE_FOLDERS) close(join(dataDir, name), 0o700);
  for (const name of PRIVATE_FILES) close(join(dataDir, name), 0o600);
}

function close(path: string, mode: number): void {
  try {
    chmodSync(path, mode);
  } catch (error) {
    // Not there yet; or a folder of somebody else's, which is theirs to close.
    if (!['ENOENT', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
  }
}
