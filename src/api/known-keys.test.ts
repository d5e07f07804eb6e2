import { describe, expect, it } from 'vitest';
import type { Client } from '../domain/clients/keys.js';
import { KnownKeys } from './known-keys.js';

const client = (id: string) => ({ id }) as Client;

function knownKeys() {
  let nowMs = 0;
  const known = new KnownKeys(() => nowMs);
  return {
    known,
    pass: (ms: number) => {
      nowMs += ms;
    },
  };
}

describe('keys that were looked up', () => {
  it('are known for half a second, however often they are asked for', () => {
    const { known, pass } = knownKeys();
    known.remember('a', client('ada'));
    pass(499);
    expect(known.recall('a')).toEqual({ id: 'ada' });
    pass(1);
    expect(known.recall('a')).toBeUndefined();
  });

  it('are not known any more once they were refused', () => {
    const { known } = knownKeys();
    known.remember('a', client('ada'));
    known.remember('b', client('bob'));
    known.forget('a');
    expect([known.recall('a'), known.recall('b')]).toEqual([undefined, { id: 'bob' }]);
  });

  it('are ten thousand at most; the one that was looked up longest ago goes', () => {
    const { known } = knownKeys();
    known.remember('first', client('ada'));
    for (let n = 0; n < 9_999; n++) known.remember(String(n), client('bob'));
    known.remember('first', client('ada'));
    known.remember('last', client('eve'));
    expect(['first', 'last', '0'].map((key) => known.recall(key)?.id)).toEqual(['ada', 'eve', undefined]);
  });
});
