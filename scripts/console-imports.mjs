// What the console may import: its own files, without circles, the types of the API, and the packages below. It runs in
// browsers, and knows the API alone. Part of `npm run check -- imports`; dependency-cruiser cannot read TSX by swc.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { root } from './dist.mjs';

const PACKAGES = ['react', 'react-dom/client', '@tanstack/react-query', 'wouter', 'uplot', 'uplot/dist/uPlot.min.css'];

/** @returns whether everything is as it should be; what is not is told. */
export function checkConsoleImports() {
  const files = readdirSync(join(root, 'console', 'src'), { recursive: true, encoding: 'utf8' })
    .filter((name) => /[.]tsx?$/.test(name))
    .map((name) => join('console', 'src', name));
  const imports = new Map(files.map((file) => [file, importsOf(file)]));
  const faults = [...imports].flatMap(([file, names]) =>
    names.filter((name) => !mayImport(name)).map((name) => `${file} may not import ${name}`),
  );
  faults.push(...circlesIn(imports));
  for (const fault of faults) process.stdout.write(`${fault}\n`);
  if (faults.length === 0) process.stdout.write(`${files.length} files of the console import what they may\n`);
  return faults.length === 0;
}

/** @param {string} file @returns {string[]} files of ours by their path, packages by name */
function importsOf(file) {
  const text = readFileSync(join(root, file), 'utf8');
  const names = [
    ...text.matchAll(/^(?:import|export) [^'"`;=(]*? from '([^']+)';/gm),
    ...text.matchAll(/^import '([^']+)';/gm),
    ...text.matchAll(/[^.]import\('([^']+)'\)/g),
  ];
  return names.map(([, name = '']) => (name.startsWith('.') ? resolved(file, name) : name));
}

/** @param {string} file @param {string} name */
function resolved(file, name) {
  const path = relative(root, join(root, dirname(file), name));
  const source = ['.tsx', '.ts']
    .map((ending) => path.replace(/[.]js$/, ending))
    .find((each) => existsSync(join(root, each)));
  return source ?? path;
}

/** @param {string} name */
const mayImport = (name) =>
  PACKAGES.includes(name) ||
  [join('console', 'src'), join('client', 'generated')].some((folder) => name.startsWith(`${folder}${sep}`));

/** @param {Map<string, string[]>} imports @returns {string[]} */
function circlesIn(imports) {
  const done = new Set();
  /** @param {string} file @param {string[]} way @returns {string[]} */
  const walk = (file, way) => {
    if (way.includes(file)) return [`a circle: ${[...way.slice(way.indexOf(file)), file].join(' → ')}`];
    if (done.has(file)) return [];
    const found = (imports.get(file) ?? []).flatMap((next) => walk(next, [...way, file]));
    done.add(file);
    return found;
  };
  return [...imports.keys()].flatMap((file) => walk(file, []));
}
