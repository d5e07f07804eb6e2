import { BlockList, isIP } from 'node:net';

const FAMILIES = { 4: 'ipv4', 6: 'ipv6' } as const;
const WIDTHS = { 4: 32, 6: 128 } as const;

function parse(text: string) {
  const [, address = '', prefix] = /^([0-9a-f:.]+)(?:\/(\d{1,3}))?$/i.exec(text) ?? [];
  const version = isIP(address) as 0 | 4 | 6;
  if (version === 0) return undefined;
  const bits = prefix === undefined ? WIDTHS[version] : Number(prefix);
  return bits <= WIDTHS[version] ? { address, bits, family: FAMILIES[version] } : undefined;
}

/** Whether a text is an IP address or a block of them: `192.0.2.7`, `10.0.0.0/8`, `2001:db8::/32`. */
export const isAddressBlock = (text: string): boolean => parse(text) !== undefined;

/** An address as it is compared: of one that an IPv6 socket shows as `::ffff:192.0.2.7`, the IPv4 address in it. */
export const plainAddress = (address: string): string => address.replace(/^::ffff:(?=\d+\.)/i, '');

/** IP addresses. @param blocks as `isAddressBlock` takes them; others are passed over, so they let nobody in. */
export class AddressBlocks {
  readonly #list = new BlockList();

  constructor(blocks: readonly string[]) {
    for (const block of blocks) {
      const parsed = parse(block);
      if (parsed) this.#list.addSubnet(parsed.address, parsed.bits, parsed.family);
    }
  }

  includes(address: string): boolean {
    const plain = plainAddress(address);
    const version = isIP(plain) as 0 | 4 | 6;
    return version !== 0 && this.#list.check(plain, FAMILIES[version]);
  }
}
