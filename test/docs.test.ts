import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { sandboxEnvironmentSchema } from '../sandbox/config.js';
import { environmentSchema } from '../src/config.js';
import { devEnvironmentSchema } from '../src/dev/settings.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const read = (path: string) => readFileSync(join(root, path), 'utf8');
const list = (folder: string) => readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' });

const docs = [
  ...readdirSync(root).filter((name) => name.endsWith('.md')),
  ...list('docs')
    .filter((name) => name.endsWith('.md'))
    .map((name) => join('docs', name)),
  ...list('deploy')
    .filter((name) => name.endsWith('.md'))
    .map((name) => join('deploy', name)),
];

/** Whether there is such a file or folder; a `*` in its last part stands for anything. */
function exists(path: string): boolean {
  if (!path.includes('*')) return existsSync(join(root, path));
  const pattern = new RegExp(
    `^${path
      .slice(path.lastIndexOf('/') + 1)
      .replaceAll('.', '\\.')
      .replaceAll('*', '.*')}$`,
  );
  const folder = dirname(path);
  return existsSync(join(root, folder)) && readdirSync(join(root, folder)).some((name) => pattern.test(name));
}

/** Whether a path is one that runs write to, and git ignores. */
const isMade = (path: string) =>
  read('.gitignore')
    .split('\n')
    .some((line) => line.endsWith('/') && `${path}/`.startsWith(line));

/** What is shown as code: in a line, and in blocks. */
const codeOf = (text: string) => [...text.matchAll(/```[\s\S]*?```|`[^`\n]+`/g)].map(([code]) => code);

/** How GitHub names a heading in an address. */
const slugOf = (heading: string) =>
  heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .trim()
    .replace(/\s/g, '-');

const anchorsOf = (path: string) => [...read(path).matchAll(/^#+ (.*)$/gm)].map(([, heading]) => slugOf(heading!));

/** Names of others that look like variables of ours. */
const NOT_OURS = new Set([
  'GOOGLE_APPLICATION_CREDENTIALS',
  'OTEL_EXPORTER_OTLP_HEADERS',
  'OTEL_TRACES_SAMPLER',
  'OTEL_SERVICE_NAME',
  'ALLOW_DUPLICATE',
  'USE_EXISTING',
  'TERMINATE_EXISTING',
  'NO_COLOR',
  'TEMPOST_POSTGRES_PASSWORD',
  ...['SQL_HOST', 'SQL_PORT', 'SQL_USER', 'SQL_PASSWORD'],
  // Of Temporal's own command line.
  ...['SERVER_CA_CERT_PATH', 'CLIENT_CERT_PATH', 'CLIENT_KEY_PATH'].map((name) => `TEMPORAL_TLS_${name}`),
  ...[...read('deploy/temporal/server.yaml').matchAll(/env "(\w+)"/g)].map(([, name]) => name!),
  ...[...read('deploy/barman/backup.env').matchAll(/^(\w+)=/gm)].map(([, name]) => name!),
]);

const knownVariables: readonly string[] = readVariables();

function readVariables(): string[] {
  const schemas = { ...environmentSchema.shape, ...devEnvironmentSchema.shape, ...sandboxEnvironmentSchema.shape };
  const tools = ['drills', 'bench', 'scripts', 'test', 'src/cli'].filter((folder) => existsSync(join(root, folder)));
  // Drills, measurements and tests read some of their own.
  const sources = tools.flatMap((folder) => list(folder).map((name) => join(folder, name)));
  const ofTools = sources
    .filter((path) => /\.m?ts$/.test(path))
    .flatMap((path) => [...read(path).matchAll(/\benv\.([A-Z][A-Z0-9_]+)/g)].map(([, name]) => name!));
  return [...Object.keys(schemas), ...ofTools];
}

const hasWord = (text: string, word: string) => new RegExp(`\\b${word}\\b`).test(text);

/** Beyond these a diff no longer shows what changed: what needs more room is a list, or a heading of its own. */
const MAX_LINE = 300;
const MAX_CELL = 120;

/** The lines of a text that are too long, or hold a cell of a table that is, by their numbers. */
const tooWide = (text: string) =>
  text.split('\n').flatMap((line, index) => {
    const cells = line.startsWith('|') ? line.split(/(?<!\\)\|/).map((cell) => cell.trim()) : [];
    // A rule under a heading is as wide as the widest cell, which is told by itself.
    const wide = cells.find((cell) => cell.length > MAX_CELL && !/^:?-+:?$/.test(cell));
    if (wide) return `line ${index + 1}: a cell of ${wide.length} characters`;
    return line.length > MAX_LINE ? `line ${index + 1}: ${line.length} characters` : [];
  });

describe.each([
  ...docs,
  ...list('src')
    .filter((name) => name.endsWith('.md'))
    .map((name) => join('src', name)),
])('%s', (path) => {
  it('can be edited: no line over 300 characters, no cell of a table over 120', () => {
    expect(tooWide(read(path))).toEqual([]);
  });
});

describe.each(docs)('%s', (path) => {
  const text = read(path);

  it('has links that lead somewhere', () => {
    const broken = [...text.matchAll(/\]\(([^)\s]+)\)/g)]
      .map(([, target]) => target!)
      .filter((target) => !/^[a-z]+:/.test(target))
      .filter((target) => {
        const [file, anchor] = target.split('#') as [string, string?];
        const found = file === '' ? path : join(dirname(path), file);
        if (!existsSync(join(root, found))) return true;
        return anchor !== undefined && found.endsWith('.md') && !anchorsOf(found).includes(anchor);
      });
    expect(broken).toEqual([]);
  });

  it('names only variables that are read', () => {
    const named = codeOf(text).flatMap((code) => code.match(/(?<![\w.*-])[A-Z][A-Z0-9]*_[A-Z0-9_*]+(?![\w-])/g) ?? []);
    const unknown = named.filter((name) => {
      const pattern = new RegExp(`^${name.replaceAll('*', '.+')}$`);
      return !NOT_OURS.has(name) && !knownVariables.some((variable) => pattern.test(variable));
    });
    expect(unknown).toEqual([]);
  });

  it('names only commands and files that exist', () => {
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
    const commands = [...text.matchAll(/npm run ([\w:]+)/g)].map(([, name]) => name!);
    expect(commands.filter((name) => !(name in scripts))).toEqual([]);
    const paths = codeOf(text).flatMap(
      (code) =>
        code.match(/(?<![\w./-])(src|sandbox|test|drills|bench|migrations|docs|scripts|deploy)\/[\w./*-]*[\w*]/g) ?? [],
    );
    expect(paths.filter((file) => !exists(file) && !isMade(file))).toEqual([]);
  });

  it('gives the address with every command of Temporal’s: its own default is nobody’s here', () => {
    // A command that goes on in the next line ends with a backslash.
    const code = codeOf(text).flatMap((each) => each.replaceAll(/\\\n\s*/g, ' ').split('\n'));
    const asking = code.filter((line) =>
      /(^|[\s`])temporal (workflow|operator|task-queue|activity|batch) \S/.test(line),
    );
    expect(asking.filter((line) => !/--address [\w.$]/.test(line))).toEqual([]);
  });

  it('has diagrams with something in them', () => {
    for (const [, diagram] of text.matchAll(/```mermaid\n([\s\S]*?)```/g)) {
      expect(diagram).toMatch(/^(flowchart|sequenceDiagram|stateDiagram-v2|erDiagram|graph|gantt|timeline)\b/);
      expect(diagram!.trim().split('\n').length).toBeGreaterThan(3);
    }
  });
});

describe.each(['docs/tour.md', 'docs/glossary.md'])('%s', (path) => {
  // `path`: `name`, `name`: the names that follow a path are in that file.
  const pairs = [...read(path).matchAll(/`(src\/[\w./-]+)`:\s+((?:`\w+`(?:,\s+)?)+)/g)].flatMap(([, file, names]) =>
    [...names!.matchAll(/`(\w+)`/g)].map(([, name]) => ({ file: file!, name: name! })),
  );

  it('points at names that are in the files it names', () => {
    expect(pairs.length).toBeGreaterThan(30);
    const missing = pairs.filter(({ file, name }) => !existsSync(join(root, file)) || !hasWord(read(file), name));
    expect(missing).toEqual([]);
  });
});

describe('docs/decisions', () => {
  const pages = list('docs/decisions').filter((name) => /^\d{4}-/.test(name));

  it('have a number each, are alike, and in the list', () => {
    const index = read('docs/decisions/README.md');
    const numbers = pages.map((name) => Number(name.slice(0, 4)));
    expect(new Set(numbers).size).toBe(pages.length);
    for (const [place, name] of pages.entries()) {
      const text = read(join('docs/decisions', name));
      expect(text).toContain(`# ${numbers[place]}. `);
      const headings = [...text.matchAll(/^## (.*)$/gm)].map(([, heading]) => heading);
      expect(headings, name).toEqual(['Context', 'Decision', 'Figures', 'Consequences', 'Where']);
      expect(index).toContain(`(${name})`);
    }
    expect(pages.length).toBeGreaterThan(30);
  });
});

describe('docs/data.md', () => {
  it('explains every table that the migrations make', () => {
    const migrations = list('migrations').map((name) => read(join('migrations', name)));
    const tables = migrations.flatMap((text) => [...text.matchAll(/create table (\w+) /g)].map(([, name]) => name!));
    const text = read('docs/data.md');
    expect(tables.length).toBeGreaterThan(10);
    expect(tables.filter((table) => !text.includes(`\n- \`${table}\`: `))).toEqual([]);
  });
});

describe('docs/images', () => {
  it('are small, and are shown', () => {
    for (const name of list('docs/images')) {
      expect(statSync(join(root, 'docs/images', name)).size, name).toBeLessThan(150_000);
      expect(
        docs.some((path) => read(path).includes(`images/${name}`)),
        name,
      ).toBe(true);
    }
  });
});
