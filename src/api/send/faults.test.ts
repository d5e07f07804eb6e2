import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { FAULT_CODES, isOneLine, isText } from './faults.js';

it.each(FAULT_CODES)('docs/api.md names the fault %s', (code) => {
  const documentation = readFileSync(new URL('../../../docs/api.md', import.meta.url), 'utf8');
  expect(documentation).toContain(`\`${code}\``);
});

describe('control characters', () => {
  it('are refused in a line, all of them', () => {
    for (const character of ['\0', '\t', '\n', '\r', '\u001f', '\u007f', '\u0085', '\u009f', '\u2028', '\u2029']) {
      expect(isOneLine(`a${character}b`)).toBe(false);
    }
    expect(isOneLine('Grüße, 你好 👋\u00a0')).toBe(true);
  });

  it('are refused in a text, but for tabs and line breaks', () => {
    for (const character of ['\0', '\u0008', '\u000b', '\u000c', '\u001b', '\u007f']) {
      expect(isText(`a${character}b`)).toBe(false);
    }
    expect(isText('a\tb\r\nc\nd')).toBe(true);
  });
});
