import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type ParsedMail, simpleParser } from 'mailparser';
import type { Sandbox } from '../../sandbox/server.js';
import { until } from '../support/until.js';

/** A mail as it lies in the inbox. */
export interface InboxMail {
  readonly raw: Buffer;
  readonly parsed: ParsedMail;
  /** The kinds of its parts in their order, such as `multipart/alternative`, `text/plain`, `text/html`. */
  readonly kinds: readonly string[];
  /** The longest line's octets, without its end. */
  readonly longestLine: number;
}

/** The inbox writes a mail while it receives it: one of several parts is whole once its outermost boundary is closed. */
function isWhole(mail: Buffer): boolean {
  const [, boundary] =
    /^content-type: multipart\/[^\r\n]*(?:\r\n[ \t][^\r\n]*)*?boundary="([^"]+)"/im.exec(mail.toString('latin1')) ?? [];
  return boundary !== undefined && mail.includes(`\r\n--${boundary}--\r\n`);
}

/** Waits until the one mail with this Message-ID, which has several parts, is in a sandbox's inbox, and reads its bytes. */
export async function mailWith(sandbox: Sandbox, messageId: string): Promise<InboxMail> {
  const folder = join(sandbox.dir, 'inbox');
  let found: Buffer[] = [];
  await until(`the mail ${messageId} is in the inbox`, async () => {
    const mails = readdirSync(folder).filter((name) => name.endsWith('.eml'));
    found = mails.map((name) => readFileSync(join(folder, name))).filter((mail) => mail.includes(messageId));
    return found.length > 0 && found.every(isWhole);
  });
  const [raw] = found;
  if (!raw || found.length > 1) throw new Error(`${found.length} mails carry ${messageId}`);
  const source = raw.toString('latin1');
  return {
    raw,
    parsed: await simpleParser(raw),
    kinds: [...source.matchAll(/^content-type: *([a-z]+\/[a-z-]+)/gim)].map(([, kind = '']) => kind.toLowerCase()),
    longestLine: Math.max(...source.split('\r\n').map((line) => line.length)),
  };
}
