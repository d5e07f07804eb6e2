import fc from 'fast-check';
import { expect, it } from 'vitest';
import { findJsonFields } from './json-fields.js';

const NAMES = ['signature', 'event-data'];
const find = (json: string) => findJsonFields(Buffer.from(json), NAMES);
const parsed = (json: string) =>
  Object.fromEntries([...(find(json) ?? [])].map(([name, value]) => [name, JSON.parse(value.toString())]));

it('finds what parsing finds, in any JSON object, written with any spaces', () => {
  const names = fc.oneof(fc.constantFrom(...NAMES, 'x', '"', '\\'), fc.string());
  const objects = fc.dictionary(names, fc.jsonValue(), { noNullPrototype: true });
  fc.assert(
    fc.property(objects, fc.constantFrom('', ' ', '\n\t '), (object, space) => {
      const wanted = Object.fromEntries(
        NAMES.filter((name) => Object.hasOwn(object, name)).map((it) => [it, object[it]]),
      );
      expect(parsed(JSON.stringify(object, null, space))).toEqual(JSON.parse(JSON.stringify(wanted)));
    }),
    { numRuns: 500 },
  );
});

it('takes the last of a repeated name, as parsing does, and none that lies deeper', () => {
  expect(parsed('{"signature":1,"a":{"signature":2,"b":"}"},"signature":{"c":[3,"\\""]}}')).toEqual({
    signature: { c: [3, '"'] },
  });
  expect(parsed('{"a":{"signature":1},"b":["signature",2]}')).toEqual({});
});

it.each([
  '',
  ' ',
  'x',
  '[]',
  '"{}"',
  'null',
  '{',
  '{"a"',
  '{"a":',
  '{"a":1',
  '{"a":1,',
  '{"a":0,0',
  '['.repeat(100_000),
])('finds no object: %.20s', (json) => expect(find(json)).toBeUndefined());

it('ends wherever the body breaks off', () => {
  const json = '{"signature":{"a":"\\\\\\"","b":[1,2]},"event-data":{"c":{"d":"e"}}}';
  for (let length = 0; length <= json.length; length++) expect(() => find(json.slice(0, length))).not.toThrow();
});
