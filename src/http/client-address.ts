import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import { type AddressBlocks, plainAddress } from '../address-blocks.js';

/** So many proxies are never one behind the other; what a stranger writes before them is not looked at. */
const MOST_HOPS = 10;

/**
 * The address a request comes from. What `X-Forwarded-For` says counts only as far as trusted proxies have written it:
 * from its end to the first address that is none of theirs. Anything before that anybody could have written.
 */
export function clientAddress(request: IncomingMessage, trustedProxies: AddressBlocks): string {
  let address = plainAddress(request.socket.remoteAddress ?? '');
  // Node joins several headers of this name with commas.
  const header = request.headers['x-forwarded-for'];
  if (header === undefined || !trustedProxies.includes(address)) return address;
  const hops = String(header).split(',').slice(-MOST_HOPS).reverse();
  for (const hop of hops) {
    const before = plainAddress(hop.trim());
    // A proxy that writes what is no address is believed no further.
    if (isIP(before) === 0) return address;
    address = before;
    if (!trustedProxies.includes(address)) return address;
  }
  return address;
}
