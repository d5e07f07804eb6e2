import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** A file of the console as it is served, also compressed where that makes it smaller. */
interface ConsoleFile {
  readonly plain: Buffer;
  readonly br?: Buffer;
  readonly gzip?: Buffer;
}

export interface ConsoleFiles {
  /** Undefined: it has not been built. */
  readonly page?: ConsoleFile;
  /** By name; each name holds a hash of the content. */
  readonly scripts: ReadonlyMap<string, ConsoleFile>;
  readonly styles: ReadonlyMap<string, ConsoleFile>;
  readonly fonts: ReadonlyMap<string, ConsoleFile>;
}

/** Where the build puts it: `dist/console`. Tests run the sources, and serve the last build. */
const folder = fileURLToPath(
  new URL(import.meta.url.endsWith('.ts') ? '../../../dist/console' : '../../../console', import.meta.url),
);

/** Reads the console into memory, a few hundred kilobytes: what is served is of one build, whatever is built meanwhile. */
export function loadConsole(): ConsoleFiles {
  try {
    const page = load(join(folder, 'index.html'));
    return { page, scripts: loadAll('scripts'), styles: loadAll('styles'), fonts: loadAll('fonts') };
  } catch {
    return { scripts: new Map(), styles: new Map(), fonts: new Map() };
  }
}

function loadAll(kind: string): ReadonlyMap<string, ConsoleFile> {
  const names = readdirSync(join(folder, kind)).filter((name) => !/[.](br|gz)$/.test(name));
  return new Map(names.map((name) => [name, load(join(folder, kind, name))]));
}

function load(path: string): ConsoleFile {
  const optional = (suffix: string) => {
    try {
      return readFileSync(`${path}${suffix}`);
    } catch {
      return undefined;
    }
  };
  return { plain: readFileSync(path), br: optional('.br'), gzip: optional('.gz') };
}
