import type { IncomingMessage } from 'node:http';
import { describe, expect, it } from 'vitest';
import { AddressBlocks, isAddressBlock } from '../address-blocks.js';
import { clientAddress } from './client-address.js';

const from = (remoteAddress: string, forwardedFor?: string) =>
  ({ socket: { remoteAddress }, headers: { 'x-forwarded-for': forwardedFor } }) as unknown as IncomingMessage;
const NONE = new AddressBlocks([]);
const TRUSTED = new AddressBlocks(['10.0.0.0/8', '2001:db8::1']);

describe('blocks of addresses', () => {
  it.each(['192.0.2.7', '10.0.0.0/8', '0.0.0.0/0', '2001:db8::/32', '::1', '::/0'])('know %s', (block) =>
    expect(isAddressBlock(block)).toBe(true),
  );
  it.each(['', 'x', '10.0.0.0/33', '10.0.0', '::/129', '10.0.0.0/8/8', ' 10.0.0.1', '10.0.0.0/-1', 'example.com'])(
    'do not know %j',
    (block) => expect(isAddressBlock(block)).toBe(false),
  );

  it('hold what is in them, also an IPv4 address on an IPv6 socket', () => {
    const blocks = new AddressBlocks(['10.0.0.0/8', '2001:db8::/32', 'nonsense']);
    for (const address of ['10.255.0.1', '::ffff:10.1.2.3', '2001:db8:1::5'])
      expect(blocks.includes(address)).toBe(true);
    for (const address of ['11.0.0.1', '2001:db9::1', '', 'x']) expect(blocks.includes(address)).toBe(false);
  });
});

describe('where a request comes from', () => {
  it('is the connection’s other end, whatever it writes, when no proxy is trusted', () => {
    expect(clientAddress(from('::ffff:192.0.2.7', '203.0.113.9'), NONE)).toBe('192.0.2.7');
    expect(clientAddress(from('192.0.2.7', '203.0.113.9'), TRUSTED)).toBe('192.0.2.7');
  });

  it('is the last address that is no trusted proxy’s', () => {
    expect(clientAddress(from('10.0.0.1', '198.51.100.1, 203.0.113.9'), TRUSTED)).toBe('203.0.113.9');
    expect(clientAddress(from('10.0.0.1', '198.51.100.1, 203.0.113.9, 10.0.0.2'), TRUSTED)).toBe('203.0.113.9');
    expect(clientAddress(from('2001:db8::1', '2001:db8:9::9'), TRUSTED)).toBe('2001:db8:9::9');
  });

  it('is the nearest proxy’s when that says nothing that can be understood, or only proxies', () => {
    expect(clientAddress(from('10.0.0.1'), TRUSTED)).toBe('10.0.0.1');
    expect(clientAddress(from('10.0.0.1', '203.0.113.9, unknown'), TRUSTED)).toBe('10.0.0.1');
    expect(clientAddress(from('10.0.0.1', '10.0.0.3'), TRUSTED)).toBe('10.0.0.3');
    expect(clientAddress(from('10.0.0.1', Array(1_000).fill('10.0.0.3').join(',')), TRUSTED)).toBe('10.0.0.3');
  });
});
