import { renameSync, writeFileSync } from 'node:fs';

/**
 * Writes a file only we may read, beside its place, and renames it: a kill at any moment leaves the old one or the new
 * one, never a half.
 */
export function writeWhole(path: string, text: string): void {
  writeFileSync(`${path}.new`, text, { mode: 0o600 });
  renameSync(`${path}.new`, path);
}
