import { execFileSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { exampleCurl, table } from './table.js';

it('prints a command that a shell takes as it is, whatever the folder is called', () => {
  const curl = exampleCurl({ api: 'http://127.0.0.1:3000', apiKey: 'key-1' }, `/a b/it's;"odd",/sample.txt`);
  // A curl that only shows what it was given, one argument a line.
  const script = `curl() { printf '%s\\n' "$@"; }\n${curl}`;
  const given = execFileSync('sh', ['-c', script], { encoding: 'utf8' }).trim().split('\n');
  expect(given).toContain('http://127.0.0.1:3000/api/send');
  expect(given).toContain('Authorization: Bearer key-1');
  expect(given).toContain('priority=critical');
  expect(given.at(-1)).toBe(`attachment=@"/a b/it's;\\"odd\\",/sample.txt"`);
});

it('lines its columns up', () => {
  expect(
    table([
      ['API', 'a'],
      ['Web UI', 'b'],
    ]),
  ).toBe('  API     a\n  Web UI  b');
});
