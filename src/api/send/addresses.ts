import addressparser from 'nodemailer/lib/addressparser';
import { z } from 'zod';

/** An address as it was submitted, and the bare address in it. */
export interface SubmittedAddress {
  readonly submitted: string;
  /** In lower case: mail systems treat `Ada@` and `ada@` as one mailbox, and so do suppressions. */
  readonly address: string;
}

/**
 * RFC 5321's dot-string and a domain of at least two labels, ASCII only: an internationalised domain comes as
 * punycode, and non-ASCII mailboxes need SMTPUTF8, which not every provider speaks. No quoted mailboxes, no address
 * literals.
 */
const bareAddress = z
  .email({
    pattern:
      /^[a-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*@([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?$/i,
  })
  .max(254)
  .refine((address) => address.indexOf('@') <= 64);

/** What a display name may hold only between quotes (RFC 5322, 3.2.3). */
const SPECIAL = /[()<>[\]:;@\\,"]/;

const compact = (text: string) => text.replace(/\s+/g, ' ').trim();

/**
 * Reads exactly one address, with or without a display name.
 *
 * @returns undefined for anything else: several addresses, groups, comments, whatever reads differently than it looks.
 */
export function parseAddress(text: string): SubmittedAddress | undefined {
  const entries = addressparser(text);
  const [entry] = entries;
  if (entries.length !== 1 || !entry || entry.group || !bareAddress.safeParse(entry.address).success) return undefined;
  // The parser is lenient: it drops comments and guesses. What it understood must be all that was said.
  const { name, address } = entry;
  const readings = name ? [`"${name}" <${address}>`] : [address, `<${address}>`];
  if (!SPECIAL.test(name)) readings.push(`${name} <${address}>`);
  const said = compact(text).replace(/(?<=\S)(<[^<>]*>)$/, ' $1');
  if (!readings.map(compact).includes(said)) return undefined;
  return { submitted: text.trim(), address: address.toLowerCase() };
}
