import { closeSync, existsSync, openSync, readdirSync, readSync, rmSync } from 'node:fs';
import { join } from 'node:path';

/** A mail's headers are at its beginning, and short. */
const HEADERS_BYTES = 64 * 1024;

/**
 * Removes from the inbox's folder what a kill may have left half written: mails without a Message-ID, and those that
 * the inbox has not confirmed, which are delivered again.
 *
 * @param inboxDir where the inbox keeps its mails, one `.eml` file each.
 * @param outgoingDir the mails that are yet to reach it.
 */
export function removeUnconfirmed(inboxDir: string, outgoingDir: string): void {
  if (!existsSync(inboxDir)) return;
  const owed = new Set(mailsIn(outgoingDir).map((name) => messageIdIn(join(outgoingDir, name))));
  for (const name of mailsIn(inboxDir)) {
    const messageId = messageIdIn(join(inboxDir, name));
    if (messageId !== undefined && !owed.has(messageId)) continue;
    rmSync(join(inboxDir, name), { force: true });
    // Its attachments, unpacked.
    rmSync(join(inboxDir, name.slice(0, -'.eml'.length)), { recursive: true, force: true });
  }
}

const mailsIn = (folder: string) => readdirSync(folder).filter((name) => name.endsWith('.eml'));

/** @returns undefined when the headers are not there in full. */
function messageIdIn(path: string): string | undefined {
  const bytes = Buffer.alloc(HEADERS_BYTES);
  const file = openSync(path, 'r');
  try {
    const text = bytes.toString('latin1', 0, readSync(file, bytes));
    const end = text.search(/\r?\n\r?\n/);
    return end < 0 ? undefined : /^Message-ID:\s*(<[^>]*>)/im.exec(text.slice(0, end))?.[1];
  } finally {
    closeSync(file);
  }
}
