import { existsSync, readFileSync } from 'node:fs';

let version: string | undefined;

/** The version of this release, from the `package.json` above this file: as far up from `src` as from `dist`. */
export function releaseVersion(): string {
  version ??= read(new URL('.', import.meta.url));
  return version;
}

function read(folder: URL): string {
  const file = new URL('package.json', folder);
  if (existsSync(file)) return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
  const above = new URL('..', folder);
  if (above.href === folder.href) throw new Error('There is no package.json above the program.');
  return read(above);
}
