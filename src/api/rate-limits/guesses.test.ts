import { describe, expect, it } from 'vitest';
import { Guesses } from './guesses.js';

function guesses() {
  let at = 1_000_000;
  return { of: new Guesses(() => at), later: (ms: number) => (at += ms) };
}

describe('an address that sends wrong keys', () => {
  it('waits after a hundred of them, then gets one more a second', () => {
    const { of, later } = guesses();
    for (let count = 0; count < 101; count++) {
      expect(of.waitMs('192.0.2.7', 'wrong')).toBe(0);
      of.wrong('192.0.2.7', 'wrong');
    }
    expect(of.waitMs('192.0.2.7', 'wrong')).toBe(1_000);
    later(1_000);
    expect(of.waitMs('192.0.2.7', 'wrong')).toBe(0);
    of.wrong('192.0.2.7', 'wrong');
    expect(of.waitMs('192.0.2.7', 'wrong')).toBe(1_000);
    expect(of.waitMs('192.0.2.8', 'wrong')).toBe(0);
    later(200_000);
    of.wrong('192.0.2.7', 'wrong');
    expect(of.waitMs('192.0.2.7', 'wrong')).toBe(0);
  });

  it('does not shut out a key that was right before', () => {
    const { of } = guesses();
    of.right('192.0.2.7', 'right');
    for (let count = 0; count < 200; count++) of.wrong('192.0.2.7', 'wrong');
    expect(of.waitMs('192.0.2.7', 'right')).toBe(0);
    expect(of.waitMs('192.0.2.7', 'new')).toBeGreaterThan(0);
  });

  it('shuts a key out that was right before and is no more', () => {
    const { of } = guesses();
    of.right('192.0.2.7', 'revoked');
    for (let count = 0; count < 200; count++) of.wrong('192.0.2.7', 'revoked');
    expect(of.waitMs('192.0.2.7', 'revoked')).toBeGreaterThan(0);
  });

  it('shuts a key out that was right only elsewhere', () => {
    const { of } = guesses();
    of.right('192.0.2.8', 'right');
    for (let count = 0; count < 200; count++) of.wrong('192.0.2.7', 'wrong');
    expect(of.waitMs('192.0.2.7', 'right')).toBeGreaterThan(0);
    expect(of.waitMs('192.0.2.8', 'right')).toBe(0);
  });

  it('is of IPv6 a whole /64', () => {
    const { of } = guesses();
    for (let count = 0; count < 200; count++) of.wrong(`2001:db8:0:5::${count.toString(16)}`, 'wrong');
    expect(of.waitMs('2001:db8::5:1:2:3:4', 'wrong')).toBeGreaterThan(0);
    expect(of.waitMs('2001:db8:0:6::1', 'wrong')).toBe(0);
  });

  it('costs a bounded memory, however many there are', () => {
    const { of } = guesses();
    for (let count = 0; count < 12_000; count++) {
      of.wrong(`10.${count >> 16}.${(count >> 8) & 255}.${count & 255}`, 'wrong');
      of.right('192.0.2.7', `key ${count}`);
    }
    expect(of.size).toBe(20_000);
  });
});

describe('a key that is somebody’s and not taken', () => {
  it('waits after a hundred times, and nobody else at its address, nor the same key elsewhere', () => {
    const { of, later } = guesses();
    of.right('192.0.2.7', 'disabled');
    for (let count = 0; count < 101; count++) {
      expect(of.waitMs('192.0.2.7', 'disabled')).toBe(0);
      of.refused('192.0.2.7', 'disabled');
    }
    expect(of.waitMs('192.0.2.7', 'disabled')).toBe(1_000);
    expect(of.waitMs('192.0.2.7', 'another')).toBe(0);
    expect(of.waitMs('192.0.2.8', 'disabled')).toBe(0);
    later(1_000);
    expect(of.waitMs('192.0.2.7', 'disabled')).toBe(0);
  });
});
