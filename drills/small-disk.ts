import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CannotDrill, type SmallDisk } from './drill.js';

interface MountedDisk {
  readonly folder: string;
  remove(): void;
}

/**
 * Mounts a file system in memory that is soon full.
 *
 * @throws CannotDrill where mounting is not possible: it takes Linux and root.
 */
export function mountSmallDisk({ sizeMb }: SmallDisk): MountedDisk {
  const folder = mkdtempSync(join(tmpdir(), 'tempost-disk-'));
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${sizeMb}m`, 'tmpfs', folder], { stdio: 'pipe' });
  } catch (error) {
    rmdirSync(folder);
    throw new CannotDrill(
      `a small disk cannot be mounted here (Linux and root are needed): ${(error as Error).message}`,
    );
  }
  chmodSync(folder, 0o755);
  return {
    folder,
    remove() {
      execFileSync('umount', [folder], { stdio: 'pipe' });
      rmdirSync(folder);
    },
  };
}
