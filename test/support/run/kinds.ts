import { readdirSync, readFileSync } from 'node:fs';
import { join, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const FOLDERS = ['src', 'client', 'sandbox', 'test', 'bench'];

/**
 * What a test file needs, as its imports say: nothing can be forgotten, and a file changes its kind by itself.
 * - `system`: starts the whole system, so that two at once would keep each other waiting.
 * - `waiting`: starts the whole system too, and then mostly waits for times that the product has: of alerts, probes,
 *   rates and silence.
 * - `integration`: uses the run's PostgreSQL or Temporal, or starts a server or another program.
 * - `unit`: none of these; all of them together take seconds.
 */
export type Kind = 'unit' | 'integration' | 'system' | 'waiting';

const SYSTEM = /support\/(stack|system)\.js|drills\/run\.js|\/bench\//;
const SERVERS =
  /inject\(|support\/(database|temporal|api|webhooks|record|emails|dead|standby|provider-events|history|lives\/[\w-]+|measured\/[\w-]+|servers\/[\w-]+)\.js/;
/** Starts a server of its own, or other programs. */
const STARTS = /\blisten\(|startSandbox\(|from 'node:child_process'/;
/** These start servers without the test kit, out of sight. */
const BY_PLACE: readonly (readonly [RegExp, Kind])[] = [
  [/^src\/dev\/main\.test\.ts$/, 'system'],
  [/^test\/(prometheus|fleets|waiting|look-ups|no-provider|silent|jobs)\.test\.ts$/, 'waiting'],
  [/^(src\/dev|sandbox|test\/support)\//, 'integration'],
];

const testFilesIn = (folder: string) =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.test.ts'))
    .map((name) => join(folder, name).split(sep).join('/'));

function kindOf(path: string): Kind {
  const text = readFileSync(join(root, path), 'utf8');
  const placed = BY_PLACE.find(([place]) => place.test(path));
  if (placed) return placed[1];
  if (SYSTEM.test(text)) return 'system';
  return SERVERS.test(text) || STARTS.test(text) ? 'integration' : 'unit';
}

/** The test files of each kind, relative to the project's folder. */
export function testFilesByKind(): Record<Kind, string[]> {
  const files: Record<Kind, string[]> = { unit: [], integration: [], system: [], waiting: [] };
  for (const path of FOLDERS.flatMap(testFilesIn)) files[kindOf(path)].push(path);
  return files;
}
