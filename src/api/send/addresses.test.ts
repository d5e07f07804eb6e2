import { describe, expect, it } from 'vitest';
import { parseAddress } from './addresses.js';

describe('parseAddress', () => {
  it.each([
    ['ada@example.com', 'ada@example.com'],
    [' Ada.Smith+x@Example.COM ', 'ada.smith+x@example.com'],
    ['<ada@example.com>', 'ada@example.com'],
    ['Sales <sales@example.com>', 'sales@example.com'],
    ['Sales and Support<sales@example.com>', 'sales@example.com'],
    ['"Sales" <sales@example.com>', 'sales@example.com'],
    ['"Sales, north; (all)" <sales@example.com>', 'sales@example.com'],
    ['Grüße aus Köln <gruss@example.com>', 'gruss@example.com'],
    ["o'neill@mail.example.co.uk", "o'neill@mail.example.co.uk"],
    ['info@xn--bcher-kva.example', 'info@xn--bcher-kva.example'],
    ['info@example.xn--p1ai', 'info@example.xn--p1ai'],
    [`${'a'.repeat(64)}@example.com`, `${'a'.repeat(64)}@example.com`],
  ])('reads %s', (text, address) => {
    expect(parseAddress(text)).toEqual({ submitted: text.trim(), address });
  });

  it.each([
    '',
    ' ',
    'ada',
    '@example.com',
    'ada@',
    'ada@localhost',
    'ada@example..com',
    'ada@-example.com',
    'ada@example.com.',
    'ada@127.0.0.1',
    'ada@[127.0.0.1]',
    '.ada@example.com',
    'a..b@example.com',
    'ada @example.com',
    '"ada b"@example.com',
    'ädä@example.com',
    'ada@bücher.example',
    'a@example.com, b@example.com',
    'a@example.com;b@example.com',
    'a@example.com b@example.com',
    'a@example.com <b@example.com>',
    'Sales <a@example.com> <b@example.com>',
    'Sales <a@example.com> more',
    'Sales, north <sales@example.com>',
    'all: a@example.com, b@example.com;',
    'all:;',
    'Sales (office) <sales@example.com>',
    'sales@example.com (office)',
    '(office) sales@example.com',
    '"Sales <sales@example.com>',
    'Sales <sales@example.com',
    'mailto:sales@example.com',
    `${'a'.repeat(65)}@example.com`,
    `a@${'b'.repeat(60)}.${'c'.repeat(60)}.${'d'.repeat(60)}.${'e'.repeat(60)}.${'f'.repeat(20)}.com`,
  ])('refuses %j', (text) => {
    expect(parseAddress(text)).toBeUndefined();
  });
});
