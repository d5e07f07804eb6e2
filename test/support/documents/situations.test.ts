import { expect, it } from 'vitest';
import { filled } from './situations.js';

it('a value that was filled in is not filled in itself, whatever random letters its path has', () => {
  const values = { X: 'reader@example.org', ID: '1', FILE: '/tmp/ci-euX93H/ID.tar', 'CLIENT-ID': '2' };
  expect(['to=X', '--to-file FILE', 'CLIENT-ID/ID', 'EXTRA'].map((word) => filled(word, values))).toEqual([
    'to=reader@example.org',
    '--to-file /tmp/ci-euX93H/ID.tar',
    '2/1',
    'EXTRA',
  ]);
});
